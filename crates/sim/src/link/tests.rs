use super::*;
use crate::random::Seed;

const A: GatewayId = GatewayId(0);
const B: GatewayId = GatewayId(1);

fn link(weather: Weather) -> Link {
    Link::new(weather, Seed::new(1).stream(0))
}

const NOW: Duration = Duration::ZERO;

fn delays(link: &mut Link, class: Class) -> Vec<Duration> {
    let fates = link.fates(A, class, NOW);
    fates.into_iter().map(|fate| fate.delay).collect()
}

#[test]
fn fair_weather_delivers_everything_once_and_in_order() {
    let mut link = link(Weather::FAIR);
    for _ in 0..1_000 {
        assert_eq!(delays(&mut link, Class::Data), [Weather::FAIR.delay]);
    }
}

#[test]
fn foul_weather_does_all_its_harm_about_as_often_as_it_says() {
    let mut link = link(Weather::FOUL);
    let fates: Vec<_> = (0..10_000)
        .map(|_| delays(&mut link, Class::Data))
        .collect();
    let lost = fates.iter().filter(|fate| fate.is_empty()).count();
    let twice = fates.iter().filter(|fate| fate.len() == 2).count();
    let late = fates
        .iter()
        .filter(|fate| {
            fate.first()
                .is_some_and(|delay| *delay > Weather::FOUL.delay)
        })
        .count();
    assert!((800..1_200).contains(&lost), "{lost}");
    assert!((700..1_100).contains(&twice), "{twice}");
    assert!((1_500..2_100).contains(&late), "{late}");
    let longest = Weather::FOUL.delay + Weather::FOUL.detour;
    assert!(fates.iter().flatten().all(|delay| *delay <= longest));
}

#[test]
fn a_rule_holds_for_its_sender_and_class_and_number_of_times() {
    let mut link = link(Weather::FAIR);
    link.add_rule(Rule {
        from: A,
        class: Class::Response,
        treatment: Treatment::Lose,
        times: 2,
    });
    assert_eq!(link.fates(A, Class::Initiation, NOW).len(), 1);
    assert_eq!(link.fates(B, Class::Response, NOW).len(), 1);
    assert_eq!(link.fates(A, Class::Response, NOW).len(), 0);
    assert!(link.has_rules());
    assert_eq!(link.fates(A, Class::Response, NOW).len(), 0);
    assert!(!link.has_rules());
    assert_eq!(link.fates(A, Class::Response, NOW).len(), 1);
}

#[test]
fn classes_follow_from_type_and_length() {
    let sealed = |len: usize| {
        let mut datagram = vec![0; len];
        datagram[0] = 4;
        Class::of(&datagram)
    };
    assert_eq!(sealed(MAX_CONTROL_DATAGRAM_LEN), Class::Control);
    assert_eq!(sealed(MAX_CONTROL_DATAGRAM_LEN + 1), Class::Data);
    assert_eq!(Class::of(&[1]), Class::Initiation);
    assert_eq!(Class::of(&[2]), Class::Response);
    assert_eq!(Class::of(&[3]), Class::CookieReply);
    assert_eq!(Class::of(&[5]), Class::Unknown);
    assert_eq!(Class::of(&[]), Class::Unknown);
}

#[test]
fn a_storm_damages_what_it_says_and_every_damage_changes_the_bytes() {
    let mut link = link(Weather::STORM);
    let all: Vec<_> = (0..10_000)
        .flat_map(|_| link.fates(A, Class::Data, NOW))
        .collect();
    let damaged = all
        .iter()
        .filter(|fate| fate.condition == Condition::Damaged)
        .count();
    assert!(
        (all.len() / 12..all.len() / 8).contains(&damaged),
        "{damaged}"
    );
    for _ in 0..1_000 {
        let mut datagram = vec![7; 20];
        link.damage(&mut datagram);
        assert_ne!(datagram, [7; 20]);
    }
    link.damage(&mut Vec::new());
}

#[test]
fn a_blackout_ends_with_its_time_or_with_the_calm_and_is_one_sided() {
    let mut link = link(Weather::FAIR);
    let second = Duration::from_secs(1);
    link.black_out(A, second);
    assert_eq!(link.fates(A, Class::Data, NOW).len(), 0);
    assert_eq!(link.fates(B, Class::Data, NOW).len(), 1);
    assert_eq!(link.fates(A, Class::Data, second).len(), 1);
    link.black_out(A, second);
    link.calm();
    assert_eq!(link.fates(A, Class::Data, NOW).len(), 1);
}
