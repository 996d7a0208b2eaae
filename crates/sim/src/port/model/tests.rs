use super::*;
use linkveil_crypto::{Direction, EpochSecret, HandshakeHash, KeyBytes};
use linkveil_wire::Sci;

fn name(an: An) -> KeyName {
    let key = || KeyBytes::new([1; 32]);
    let secret = EpochSecret::derive(&HandshakeHash::new([2; 32]), &key(), &key(), None);
    KeyName {
        fingerprint: secret.fingerprint(),
        direction: Direction::InitiatorToResponder,
        an,
        sci: Sci::from_bytes([2, 0, 0, 0, 0, 1, 0, 1]),
    }
}

#[test]
fn a_nonce_is_used_once() {
    let mut model = Model::default();
    let number = PacketNumber::FIRST;
    assert_eq!(model.note_nonce(name(An::ALL[0]), number), Ok(()));
    assert_eq!(model.note_nonce(name(An::ALL[1]), number), Ok(()));
    let again = model.note_nonce(name(An::ALL[0]), number);
    assert_eq!(again, Err(Violation::NonceTwice(name(An::ALL[0]), number)));
    assert_eq!((model.sealed(), model.keys()), (2, 2));
}

#[test]
fn what_comes_out_went_in_and_comes_once() {
    let mut model = Model::default();
    let frame = data_frame(7, [2; 12], 30);
    assert_eq!(model.note_delivered(&frame), Err(Violation::Altered));
    model.note_sent(7, frame.clone(), Duration::ZERO);
    for place in 0..frame.len() {
        let mut altered = frame.clone();
        altered[place] ^= 1;
        assert_eq!(model.note_delivered(&altered), Err(Violation::Altered));
    }
    assert_eq!(model.note_delivered(&frame[..20]), Err(Violation::Altered));
    assert_eq!(model.note_delivered(&frame), Ok(()));
    assert_eq!(
        model.note_delivered(&frame),
        Err(Violation::DeliveredTwice(7))
    );
}

#[test]
fn what_is_missing_is_lost_unless_it_is_excused() {
    let mut model = Model::default();
    for id in 1..=3 {
        model.note_sent(id, data_frame(id, [2; 12], 0), Duration::from_secs(id));
    }
    model.note_delivered(&data_frame(2, [2; 12], 0)).unwrap();
    let lost = model.check_delivered(Duration::from_secs(3));
    assert_eq!(lost, Err(Violation::Lost(vec![1])));
    let lost = model.check_delivered(Duration::from_secs(4));
    assert_eq!(lost, Err(Violation::Lost(vec![1, 3])));
    model.excuse(1);
    assert_eq!(model.check_delivered(Duration::from_secs(3)), Ok(()));
    model.excuse_all();
    assert_eq!(model.check_delivered(Duration::from_secs(9)), Ok(()));
}
