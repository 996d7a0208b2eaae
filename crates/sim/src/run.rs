//! One seeded run: two gateways, times of trouble, and after each of them a quiet time in which all must be well again.
//!
//! In trouble the model of [`crate::checker`] says what may and must happen to each packet. In the quiet time more is due:
//!
//! - Within [`RECOVERY`] both sides send under one epoch and packets flow both ways.
//! - From then on every packet comes out within [`PATIENCE`], also when keys are replaced meanwhile. A relapse is forgiven
//!   within [`RECOVERY`] to one who has no keys: old ones may still work when the trouble ends, and reach their hard end
//!   before there are new ones.
//! - Afterwards each side receives under one epoch alone, and neither timers nor handshakes go on without end.

mod report;
mod scenario;

use std::collections::VecDeque;
use std::time::Duration;

use crate::checker::Progress;
use crate::disturbance::{Disturbance, Trouble};
use crate::link::{Class, GatewayId, Weather};
use crate::log::Log;
use crate::packet::PacketId;
use crate::random::{Seed, SimRandom};
use crate::world::{SIDES, World};

pub use report::{Failure, Options, Outcome};
pub use scenario::Scenario;

/// Longest time from the end of all trouble until packets flow: the longest pause between two calls with its jitter
/// (16.5 s) after a probe was not answered (15 s), with some round trips.
pub const RECOVERY: Duration = Duration::from_secs(35);
/// Longest time in which a packet comes out when all is well: more than the worst detour of the weather then.
pub const PATIENCE: Duration = Duration::from_millis(200);
/// How long all must be well: longer than unconfirmed and draining epochs live (10 s each).
const WELL: Duration = Duration::from_secs(12);
/// For so long no epoch may have come if only one is to be left: a late copy of an initiation makes one, too.
const SETTLED: Duration = Duration::from_millis(10_500);
/// Calls of a core in which something was due, while all is well: Confirms, drains, a rekey, a probe.
const MOST_WAKEUPS: u64 = 12;
/// Initiations of both sides while all is well: one for each time that keys are replaced, with all that can cross.
const MOST_CALLS: usize = 6;

const SCENARIO_STREAM: u64 = 7;

/// Why a run cannot go on as it did.
#[derive(Debug, PartialEq, Eq)]
enum Halt {
    /// Something that must not be.
    Fault(String),
    /// All seemed well, but it is early, and it was not.
    Relapse,
}

/// Makes a run; one that fails is made again with its log.
///
/// # Errors
///
/// What was wrong first.
pub fn run(seed: Seed) -> Result<Outcome, Box<Failure>> {
    run_with(seed, Options::default()).map_err(|failure| {
        let log = Log::on();
        let again = run_with(seed, Options { log, fault: None });
        again.err().unwrap_or(failure)
    })
}

/// Makes a run once.
///
/// # Errors
///
/// What was wrong first.
pub fn run_with(seed: Seed, options: Options) -> Result<Outcome, Box<Failure>> {
    let mut random = seed.stream(SCENARIO_STREAM);
    let scenario = Scenario::draw(&mut random);
    let mut world = scenario.world(seed, &mut random, options.log);
    if let Some((side, fault)) = options.fault {
        world.break_gateway(side, fault);
    }
    let mut run = Run::new(world, random);
    run.whole(&scenario).map_err(|halt| {
        Box::new(Failure {
            seed,
            what: match halt {
                Halt::Fault(what) => what,
                Halt::Relapse => "a relapse that nobody expects".into(),
            },
            scenario: format!("{scenario:?} {:?}", run.troubles),
            log: run.world.log().lines().to_vec(),
        })
    })?;
    run.outcome.log = run.world.log().lines().to_vec();
    Ok(run.outcome)
}

/// A packet that was offered and was not judged yet.
#[derive(Debug)]
struct Paced {
    id: PacketId,
    from: GatewayId,
    offered: Duration,
}

/// Times between two packets of one side.
#[derive(Clone, Copy, Debug)]
struct Pace(Duration, Duration);

const BUSY: Pace = Pace(Duration::from_millis(15), Duration::from_millis(150));
const CALM: Pace = Pace(Duration::from_millis(60), Duration::from_millis(240));

#[derive(Debug)]
struct Run {
    world: World,
    random: SimRandom,
    pace: Pace,
    next_offer: [Duration; 2],
    paced: VecDeque<Paced>,
    /// Since when packets say whether all is well.
    recovers_since: Duration,
    /// How far the last of them came that was judged, of each side.
    flows: [Option<Progress>; 2],
    /// Since when every packet must come out.
    well_since: Option<Duration>,
    /// Until when it may take to be well.
    recovered_by: Duration,
    troubles: Vec<Trouble>,
    outcome: Outcome,
}

impl Run {
    fn new(world: World, random: SimRandom) -> Self {
        Self {
            world,
            random,
            pace: BUSY,
            next_offer: [Duration::ZERO; 2],
            paced: VecDeque::new(),
            recovers_since: Duration::ZERO,
            flows: [None; 2],
            well_since: None,
            recovered_by: Duration::ZERO,
            troubles: Vec::new(),
            outcome: Outcome::default(),
        }
    }

    fn whole(&mut self, scenario: &Scenario) -> Result<(), Halt> {
        for _ in 0..scenario.troubles {
            let trouble = Trouble::draw(&mut self.random, scenario.mobility);
            self.troubles.push(trouble.clone());
            self.suffer(&trouble)?;
            self.calm_down();
            self.be_well()?;
        }
        self.world.checker_mut().finish();
        self.no_violation()?;
        let checker = self.world.checker();
        self.outcome.most_held = checker.most_held();
        self.outcome.epochs = checker.epochs().len();
        self.outcome.sealed = checker.sealed_count();
        self.outcome.cookies = self.count(Class::CookieReply);
        self.outcome.length = self.world.elapsed();
        Ok(())
    }

    fn suffer(&mut self, trouble: &Trouble) -> Result<(), Halt> {
        let begin = self.world.elapsed();
        self.pace = BUSY;
        self.well_since = None;
        for (at, event) in &trouble.events {
            self.pace_until(begin + *at)?;
            event.strike(&mut self.world, &mut self.random);
        }
        self.pace_until(begin + trouble.length)
    }

    /// Ends all trouble.
    fn calm_down(&mut self) {
        self.world.note(|| "-- the trouble is over".into());
        self.world.link().calm();
        if self.random.below(2) == 0 {
            self.world.link().set_weather(Weather::UNORDERED);
        }
        SIDES.into_iter().for_each(|side| self.world.start(side));
        self.pace = CALM;
        self.recovered_by = self.world.elapsed() + RECOVERY;
    }

    /// Recovers, perhaps more than once, and stays well.
    fn be_well(&mut self) -> Result<(), Halt> {
        let begin = self.world.elapsed();
        loop {
            self.recover()?;
            let took = self.world.elapsed() - begin;
            match self.stay_well() {
                Err(Halt::Relapse) => {
                    self.world.note(|| "-- a relapse".into());
                    self.outcome.relapses += 1;
                    self.well_since = None;
                }
                end => {
                    self.outcome.recovery = self.outcome.recovery.max(took);
                    return end;
                }
            }
        }
    }

    /// Waits until packets flow.
    fn recover(&mut self) -> Result<(), Halt> {
        self.flows = [None; 2];
        self.recovers_since = self.world.elapsed();
        while self.world.elapsed() < self.recovered_by {
            self.pace_until(self.world.elapsed() + PATIENCE)?;
            if self.world.agreed() && self.flows == [Some(Progress::Delivered); 2] {
                self.world.note(|| "-- all is well".into());
                return Ok(());
            }
        }
        Err(Halt::Fault(format!("no recovery within {RECOVERY:?}")))
    }

    /// Every packet comes out, whoever replaces keys meanwhile; then nothing is left of all that happened.
    fn stay_well(&mut self) -> Result<(), Halt> {
        let begin = self.world.elapsed();
        self.well_since = Some(begin);
        let calls = self.count(Class::Initiation);
        let wakeups = SIDES.map(|side| self.world.wakeups(side));
        let harmless = [
            None,
            Some(Disturbance::Crossed),
            Some(Disturbance::Rekey(SIDES[0])),
            Some(Disturbance::Rekey(SIDES[1])),
        ];
        let place = usize::try_from(self.random.below(4)).unwrap_or(0);
        if let Some(event) = &harmless[place] {
            event.strike(&mut self.world, &mut self.random);
        }
        self.pace_until(begin + WELL - SETTLED)?;
        let installs = self.world.checker().installs();
        self.pace_until(begin + WELL)?;
        self.pace_until(self.world.elapsed() + PATIENCE)?;
        self.judge_calls(self.count(Class::Initiation) - calls)?;
        self.agree()?;
        if self.world.checker().installs() == installs {
            self.one_epoch_each()?;
        }
        for side in SIDES {
            self.judge_wakeups(side, self.world.wakeups(side) - wakeups[side.0])?;
        }
        Ok(())
    }

    /// At once, or when a change of keys is done that is going on just now.
    fn agree(&mut self) -> Result<(), Halt> {
        for _ in 0..5 {
            if self.world.agreed() {
                return Ok(());
            }
            self.pace_until(self.world.elapsed() + PATIENCE)?;
        }
        fault("the gateways do not agree, although all was well".into())
    }

    fn one_epoch_each(&self) -> Result<(), Halt> {
        for side in SIDES {
            let held = self.world.checker().held(side);
            if held != 1 {
                return fault(format!("{side} still receives under {held} epochs"));
            }
        }
        Ok(())
    }

    fn judge_calls(&mut self, calls: usize) -> Result<(), Halt> {
        self.outcome.calls = self.outcome.calls.max(calls);
        if calls > MOST_CALLS {
            return fault(format!("{calls} initiations, although all was well"));
        }
        Ok(())
    }

    fn judge_wakeups(&mut self, side: GatewayId, wakeups: u64) -> Result<(), Halt> {
        self.outcome.wakeups = self.outcome.wakeups.max(wakeups);
        if wakeups > MOST_WAKEUPS {
            return fault(format!(
                "{wakeups} timers of {side} fired, although all was well"
            ));
        }
        Ok(())
    }

    /// Datagrams of a class that were sent so far.
    fn count(&self, class: Class) -> usize {
        let recorded = self.world.recorded().iter();
        recorded.filter(|recorded| recorded.class == class).count()
    }

    /// Both sides send until `end`, and packets are judged when their time is over.
    fn pace_until(&mut self, end: Duration) -> Result<(), Halt> {
        while self.world.elapsed() < end {
            for side in SIDES {
                if self.next_offer[side.0] <= self.world.elapsed() {
                    self.offer(side);
                }
            }
            let next = self.next_offer.into_iter().min().unwrap_or(end);
            self.world.run_until(next.min(end));
            self.no_violation()?;
            self.judge_paced()?;
        }
        Ok(())
    }

    fn offer(&mut self, from: GatewayId) {
        let offered = self.world.elapsed();
        let Pace(least, most) = self.pace;
        self.next_offer[from.0] = offered + self.random.between(least, most);
        if let Some(id) = self.world.offer(from) {
            self.paced.push_back(Paced { id, from, offered });
        }
    }

    fn judge_paced(&mut self) -> Result<(), Halt> {
        let now = self.world.elapsed();
        let over = |paced: &Paced| paced.offered + PATIENCE <= now;
        while self.paced.front().is_some_and(over) {
            let Some(paced) = self.paced.pop_front() else {
                break;
            };
            let progress = self.world.checker().progress(paced.id);
            if paced.offered >= self.recovers_since {
                self.flows[paced.from.0] = progress;
            }
            let due = self.well_since.is_some_and(|since| paced.offered >= since);
            if due && progress != Some(Progress::Delivered) {
                let keyless = SIDES
                    .map(|side| self.world.checker().sending_under(side))
                    .contains(&None);
                if keyless && paced.offered < self.recovered_by {
                    return Err(Halt::Relapse);
                }
                let (id, from) = (paced.id, paced.from);
                return fault(format!("{id} of {from} came no farther than {progress:?}"));
            }
        }
        Ok(())
    }

    fn no_violation(&self) -> Result<(), Halt> {
        match self.world.checker().violations().first() {
            Some(violation) => fault(violation.to_string()),
            None => Ok(()),
        }
    }
}

fn fault(what: String) -> Result<(), Halt> {
    Err(Halt::Fault(what))
}
