//! Old state never wins: whatever was recorded of former handshakes and sent again, in whatever order, from wherever, before,
//! between and after the messages of a new handshake, and whoever has restarted meanwhile.
//!
//! Six datagrams are recorded: the initiations and responses of two epochs, a packet that arrived under the first, and one that
//! was lost under the second. Every order of the six is tried against everyone who may have restarted, at a moment of the new
//! handshake that goes round. `LINKVEIL_OLD_STATE=all` tries every order at every moment, from both places.

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use linkveil_crypto::{Fingerprint, StaticSecret, Suite};
use linkveil_sim::checker::Progress;
use linkveil_sim::clock::WallOffset;
use linkveil_sim::gateway::{Called, GatewaySetup};
use linkveil_sim::kem::KemChoice;
use linkveil_sim::link::{Class, GatewayId, Rule, Treatment, Weather};
use linkveil_sim::log::Log;
use linkveil_sim::random::Seed;
use linkveil_sim::world::{Farewell, Recorded, SIDES, World, address_of, other, stranger};
use linkveil_tunnel::{Event, Keepalive, PqPolicy, Roaming};
use linkveil_wire::LaneCount;

const A: GatewayId = GatewayId(0);
const B: GatewayId = GatewayId(1);
const DAY: i64 = 86_400;

/// A message is under way for 5 ms, so that at each of these times after the beginning of the new handshake another one is:
/// initiation, response, Confirm, ConfirmAck, none. The first moment is before the beginning.
const MOMENTS: [Option<Duration>; 6] = [
    None,
    Some(Duration::from_micros(2_500)),
    Some(Duration::from_micros(7_500)),
    Some(Duration::from_micros(12_500)),
    Some(Duration::from_micros(17_500)),
    Some(Duration::from_micros(25_000)),
];

/// A call that is refused as stale while refusals are limited is repeated after one second and after two more.
const FLOWING: Duration = Duration::from_secs(4);
/// An initiator whose clock is behind has more to suffer: two recorded initiations that a restarted responder finds newer than
/// the true one displace its epoch while that is unconfirmed. The initiator notices after ten seconds and calls again.
const FLOWING_IN_THE_PAST: Duration = Duration::from_secs(14);
/// Longer than unconfirmed and draining epochs live, of handshakes too that take a few seconds to come.
const AFTERMATH: Duration = Duration::from_secs(16);

/// Who forgot everything before the new handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Restarted {
    Nobody,
    Responder,
    Initiator,
    Both,
    /// With a clock that is a day behind: what was recorded is newer than what it says now.
    InitiatorInThePast,
    BothInThePast,
}

impl Restarted {
    const ALL: [Self; 6] = [
        Self::Nobody,
        Self::Responder,
        Self::Initiator,
        Self::Both,
        Self::InitiatorInThePast,
        Self::BothInThePast,
    ];

    fn initiator(self) -> bool {
        !matches!(self, Self::Nobody | Self::Responder)
    }

    fn responder(self) -> bool {
        matches!(self, Self::Responder | Self::Both | Self::BothInThePast)
    }

    fn in_the_past(self) -> bool {
        matches!(self, Self::InitiatorInThePast | Self::BothInThePast)
    }
}

/// From where old datagrams come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Origin {
    /// The address of who sent them.
    Sender,
    Stranger,
}

/// One way to try it.
#[derive(Clone, Copy, Debug)]
struct Attack {
    restarted: Restarted,
    moment: Option<Duration>,
    origin: Origin,
}

/// Two gateways after two epochs, and what was recorded of them.
struct Past {
    world: World,
    recorded: Vec<Recorded>,
    fingerprints: Vec<Fingerprint>,
}

fn setup(random: &mut linkveil_sim::random::SimRandom) -> GatewaySetup {
    GatewaySetup {
        secret: StaticSecret::generate(random),
        lanes: LaneCount::ONE,
        wall: WallOffset::default(),
        post_quantum: PqPolicy::Required,
        suite: Suite::Aes256Gcm,
        rekey_after: Duration::from_secs(3_600),
        kem: KemChoice::Plain,
        roaming: Roaming::Follow,
        keepalive: Keepalive::Off,
    }
}

fn step(world: &mut World) {
    world.run_for(Duration::from_millis(50));
}

impl Past {
    fn new(log: Log) -> Self {
        let seed = Seed::new(6);
        let mut random = seed.stream(7);
        let setups = [0, 1].map(|_| setup(&mut random));
        let called = [Called::ByUs, Called::NotByUs];
        let mut world = World::pair(seed, Weather::FAIR, setups, called, log);
        step(&mut world);
        world.offer(A);
        step(&mut world);
        world.rekey(A);
        step(&mut world);
        world.link().add_rule(Rule {
            from: B,
            class: Class::Data,
            treatment: Treatment::Lose,
            times: 1,
        });
        world.offer(B);
        step(&mut world);
        let kept = |recorded: &&Recorded| recorded.class != Class::Control;
        let recorded: Vec<_> = world.recorded().iter().filter(kept).cloned().collect();
        let classes: Vec<_> = recorded.iter().map(|old| (old.from, old.class)).collect();
        let (initiation, response) = ((A, Class::Initiation), (B, Class::Response));
        let first = [initiation, response, (A, Class::Data)];
        let second = [initiation, response, (B, Class::Data)];
        assert_eq!(classes, [first, second].concat());
        let fingerprints = world.checker().epochs().to_vec();
        assert_eq!(fingerprints.len(), 2);
        Self {
            world,
            recorded,
            fingerprints,
        }
    }

    /// The new handshake, which A begins, with the old datagrams at their moment.
    fn suffer(&mut self, attack: Attack, what: What<'_>) {
        if attack.restarted.responder() {
            self.world.stop(B, Farewell::Unsaid);
            self.world.start(B);
        }
        if attack.restarted.initiator() {
            self.world.stop(A, Farewell::Unsaid);
        }
        if attack.restarted.in_the_past() {
            self.world.step_wall(A, -DAY);
        }
        if attack.moment.is_none() {
            self.replay(attack.origin, what);
        }
        if attack.restarted.initiator() {
            self.world.start(A);
        } else {
            self.world.rekey(A);
        }
        if let Some(moment) = attack.moment {
            self.world.run_for(moment);
            self.replay(attack.origin, what);
        }
    }

    fn replay(&mut self, origin: Origin, what: What<'_>) {
        let recorded = self.recorded.clone();
        match what {
            What::InOrder(order) => {
                for old in order.iter().map(|place| &recorded[*place]) {
                    self.slip(other(old.from), origin, old);
                }
            }
            What::AllToAll => {
                for old in recorded.iter().chain(recorded.iter().rev()) {
                    SIDES.into_iter().for_each(|to| self.slip(to, origin, old));
                }
            }
        }
    }

    fn slip(&mut self, to: GatewayId, origin: Origin, old: &Recorded) {
        let source = origin.address(old.from);
        self.world.inject(to, source, &old.datagram);
    }

    /// Packets flow both ways soon, under an epoch that is not old and stays, between the true addresses.
    fn judge(&mut self, restarted: Restarted) -> Result<(), String> {
        let patience = if restarted.in_the_past() {
            FLOWING_IN_THE_PAST
        } else {
            FLOWING
        };
        let end = self.world.elapsed() + patience;
        while !self.flows()? {
            if self.world.elapsed() > end {
                return Err("packets do not flow".into());
            }
        }
        self.judge_epoch(restarted)?;
        self.world.run_for(AFTERMATH);
        if !self.flows()? {
            return Err("packets flowed, but not for long".into());
        }
        self.judge_epoch(restarted)?;
        self.judge_remains()
    }

    /// A datagram under keys that nobody has may cause new ones (REQ-LIVE-6), but never the old.
    fn judge_epoch(&self, restarted: Restarted) -> Result<(), String> {
        let agreed = self.world.checker().sending_under(A);
        let old = match restarted {
            Restarted::Nobody => &self.fingerprints[..1],
            _ => &self.fingerprints[..],
        };
        if agreed.is_none_or(|agreed| old.contains(&agreed)) {
            return Err(format!("{agreed:?} is old"));
        }
        Ok(())
    }

    fn judge_remains(&self) -> Result<(), String> {
        for side in SIDES {
            let held = self.world.checker().held(side);
            if held != 1 {
                return Err(format!("{side} receives under {held} epochs"));
            }
            let status = self.world.status(side).ok_or("down")?;
            let endpoint = status.endpoint.map(|path| path.remote);
            if endpoint != Some(address_of(other(side))) {
                return Err(format!("{side} sends to {endpoint:?}"));
            }
        }
        let moved = self.world.events().iter().any(|(_, event)| {
            matches!(event, Event::EndpointChanged { path, .. } if path.remote == stranger())
        });
        if moved {
            return Err("an endpoint moved to the stranger".into());
        }
        Ok(())
    }

    /// Whether a packet of each side comes out, under one epoch.
    fn flows(&mut self) -> Result<bool, String> {
        let ids = SIDES.map(|side| self.world.offer(side));
        step(&mut self.world);
        if let Some(violation) = self.world.checker().violations().first() {
            return Err(violation.to_string());
        }
        let out = |id| self.world.checker().progress(id) == Some(Progress::Delivered);
        Ok(self.world.agreed() && ids.iter().all(|id| id.is_some_and(out)))
    }
}

impl Origin {
    fn address(self, sender: GatewayId) -> SocketAddr {
        match self {
            Self::Sender => address_of(sender),
            Self::Stranger => stranger(),
        }
    }
}

/// All orders of the numbers below `count`.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for number in 0..count {
        all = all
            .iter()
            .flat_map(|shorter: &Vec<usize>| {
                (0..=number).map(|place| {
                    let mut longer = shorter.clone();
                    longer.insert(place, number);
                    longer
                })
            })
            .collect();
    }
    all
}

/// What is sent again: the recorded datagrams in this order, to whom they were sent, or all of them to both sides.
#[derive(Clone, Copy, Debug)]
enum What<'o> {
    InOrder(&'o [usize]),
    AllToAll,
}

/// Tries it, and once more with a log if it fails.
fn attack(attack: Attack, what: What<'_>) {
    let attempt = |log| {
        let mut past = Past::new(log);
        past.suffer(attack, what);
        past.judge(attack.restarted)
            .map_err(|fault| (fault, past.world.log().lines().join("\n")))
    };
    if attempt(Log::default()).is_err()
        && let Err((fault, log)) = attempt(Log::on())
    {
        panic!("{attack:?} {what:?}: {fault}\n{log}");
    }
}

fn every_order_against(restarted: Restarted) {
    let all = env::var("LINKVEIL_OLD_STATE").is_ok_and(|value| value == "all");
    let origins = [Origin::Sender, Origin::Stranger];
    for (number, order) in permutations(6).iter().enumerate() {
        let turn = (
            number % MOMENTS.len(),
            number / MOMENTS.len() % origins.len(),
        );
        for (place, moment) in MOMENTS.into_iter().enumerate() {
            for (side, origin) in origins.into_iter().enumerate() {
                if all || turn == (place, side) {
                    attack(
                        Attack {
                            restarted,
                            moment,
                            origin,
                        },
                        What::InOrder(order),
                    );
                }
            }
        }
    }
}

macro_rules! restarts {
    ($($name:ident $restarted:ident)*) => {$(
        // REQ-REPLAY-1, REQ-CLK-2, REQ-CLK-3, REQ-CLK-4, REQ-CLK-5, REQ-EPOCH-6, REQ-EPOCH-7, REQ-LIVE-9
        #[test]
        fn $name() {
            every_order_against(Restarted::$restarted);
        }
    )*};
}

restarts! {
    old_datagrams_lose_against_those_who_remember Nobody
    old_datagrams_lose_against_a_restarted_responder Responder
    old_datagrams_lose_against_a_restarted_initiator Initiator
    old_datagrams_lose_against_two_who_restarted Both
    old_datagrams_lose_against_a_restarted_initiator_in_the_past InitiatorInThePast
    old_datagrams_lose_against_two_who_restarted_in_the_past BothInThePast
}

// REQ-HS-13, REQ-MAC-1: everything at every moment to both sides: to those for whom it is not, too.
#[test]
fn everything_sent_again_to_everybody_changes_nothing() {
    for restarted in Restarted::ALL {
        for moment in MOMENTS {
            for origin in [Origin::Sender, Origin::Stranger] {
                attack(
                    Attack {
                        restarted,
                        moment,
                        origin,
                    },
                    What::AllToAll,
                );
            }
        }
    }
}

// The list of orders is whole and repeats none.
#[test]
fn all_orders_are_there() {
    let mut all = permutations(6);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 720);
}
