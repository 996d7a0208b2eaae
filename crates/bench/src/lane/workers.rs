//! What a thread measures of a lane: all of it, or as far as a hop that refuses.
//!
//! A hop is not timed by itself: reading the clock twice for each packet would cost as much as the hop. Instead the lane
//! is given input that a later hop refuses, and everything up to there is timed. The lane's own counters prove that this
//! hop refused every packet, and no other did.

use std::io;

use linkveil_crypto::Suite;
use linkveil_dataplane::Turn;
use linkveil_dataplane::egress::{TUN_BATCH, TUN_BATCH_BYTES};
use linkveil_dataplane::ingress::UDP_BATCH;
use linkveil_net::batch::{TunBatch, UdpBatch};
use linkveil_net::clock;
use linkveil_net::traits::{TunQueue, UdpQueue};
use linkveil_net::virtio::{Offload, Offloads};

use super::node::{Keys, MemoryLane, Node, Tenants, sender_address};
use super::queues::{Device, Handed, Stopwatch, Tally, Tape, Wire};
use super::{Devices, Load};
use crate::packets;
use crate::timing::{Done, Worker};

/// Turns of the sealing lane that fill a tape: 256 packets, of 1,420 bytes eight trains, or half a megabyte of super-packets.
/// About what a socket buffer of usual size holds.
const TURNS_PER_TAPE: usize = 4;

/// Several workers, and what has to stay alive beside them.
pub(super) struct Team {
    pub(super) workers: Vec<Box<dyn Worker>>,
    pub(super) nodes: Vec<Node>,
}

/// A lane of either kind.
pub(super) trait Turning: Send {
    /// One turn.
    fn turn_once(&mut self) -> io::Result<Turn>;
}

impl Turning for MemoryLane {
    fn turn_once(&mut self) -> io::Result<Turn> {
        self.turn(clock::now())
    }
}

fn turn(lane: &mut impl Turning) -> Result<(), String> {
    match lane.turn_once() {
        Ok(Turn::Worked | Turn::Idle) => Ok(()),
        Ok(Turn::Stopped) => Err("the lane stopped".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A whole lane from device to socket.
pub(super) struct Egress<L> {
    pub(super) lane: L,
    pub(super) given: Tally,
    pub(super) copying: Stopwatch,
    pub(super) sent: Tally,
}

impl<L: Turning> Worker for Egress<L> {
    fn run(&mut self, packets: u64) -> Result<Done, String> {
        let (given, sent) = (self.given.get(), self.sent.get());
        let copying = self.copying.get();
        let begin = clock::now();
        while self.given.get() - given < packets {
            turn(&mut self.lane)?;
        }
        let elapsed = clock::now() - begin;
        let (given, sent) = (self.given.get() - given, self.sent.get() - sent);
        if given != sent {
            return Err(format!("{sent} of {given} packets came out"));
        }
        Ok(Done {
            packets: sent,
            elapsed,
            copying: self.copying.get() - copying,
        })
    }
}

/// Sending gateways' lanes, each with a worker.
pub(super) fn egress(suite: Suite, load: Load, lanes: usize) -> Result<Team, String> {
    let tallies: Vec<(Device, Tally)> = (0..lanes)
        .map(|_| (sending(load), Tally::default()))
        .collect();
    let counts: Vec<_> = tallies
        .iter()
        .map(|(device, sent)| (device.given(), device.copying(), sent.clone()))
        .collect();
    let queues = tallies
        .into_iter()
        .map(|(device, sent)| (device, Wire::Sink(sent)));
    let mut node = Node::new(queues.collect(), Tenants::There, Keys::Seal(suite))?;
    let lanes = std::mem::take(&mut node.lanes).into_iter().zip(counts);
    let workers = lanes.map(|(lane, (given, copying, sent))| -> Box<dyn Worker> {
        Box::new(Egress {
            lane,
            given,
            copying,
            sent,
        })
    });
    Ok(Team {
        workers: workers.collect(),
        nodes: vec![node],
    })
}

fn sending(load: Load) -> Device {
    Device::sending(handed(load))
}

/// What a device hands over.
pub(super) fn handed(load: Load) -> Handed {
    match load.devices {
        Devices::Plain => Handed {
            bytes: packets::ipv4_tcp(load.bytes),
            offload: Offload::None,
            packets: 1,
        },
        Devices::Offloads => packets::tcp_super_packet(load.bytes),
    }
}

pub(super) fn taking(load: Load) -> Device {
    Device::taking(match load.devices {
        Devices::Plain => Offloads::None,
        Devices::Offloads => Offloads::TcpAndUdp,
    })
}

const fn plain(bytes: usize) -> Load {
    Load {
        bytes,
        devices: Devices::Plain,
    }
}

/// A whole lane from socket to device. Another lane seals what it opens, outside of the time.
pub(super) struct Ingress<L> {
    pub(super) sealer: L,
    pub(super) opener: L,
    pub(super) tape: Tape,
    pub(super) taken: Tally,
}

impl<L: Turning> Worker for Ingress<L> {
    fn run(&mut self, packets: u64) -> Result<Done, String> {
        let mut done = Done::NOTHING;
        while done.packets < packets {
            record(&mut self.sealer, &self.tape)?;
            let taken = self.taken.get();
            let played = play(&mut self.opener, &self.tape)?;
            let taken = self.taken.get() - taken;
            if taken != played.packets {
                return Err(format!("{taken} of {} packets came out", played.packets));
            }
            done.add(played);
        }
        Ok(done)
    }
}

fn record(sealer: &mut impl Turning, tape: &Tape) -> Result<(), String> {
    tape.erase();
    (0..TURNS_PER_TAPE).try_for_each(|_| turn(sealer))
}

/// Plays the tape to its end; how many datagrams that were, and how long they took.
fn play(opener: &mut impl Turning, tape: &Tape) -> Result<Done, String> {
    let (packets, watch) = (tape.datagrams(), tape.copying());
    let copying = watch.get();
    let begin = clock::now();
    while !tape.is_at_end() {
        turn(opener)?;
    }
    let elapsed = clock::now() - begin;
    Ok(Done {
        packets,
        elapsed,
        copying: watch.get() - copying,
    })
}

/// Receiving gateway's lanes, each with a worker and a sealing lane of the same number.
pub(super) fn ingress(suite: Suite, load: Load, lanes: usize) -> Result<Team, String> {
    let tapes: Vec<Tape> = (0..lanes).map(|_| Tape::default()).collect();
    let mut sealing = sealing_node(suite, load, &tapes)?;
    let devices: Vec<Device> = (0..lanes).map(|_| taking(load)).collect();
    let tallies: Vec<Tally> = devices.iter().map(Device::taken).collect();
    let queues = devices
        .into_iter()
        .zip(&tapes)
        .map(|(device, tape)| (device, Wire::Player(tape.clone())));
    let mut opening = Node::new(queues.collect(), Tenants::There, Keys::Open(suite))?;
    let lanes = std::mem::take(&mut sealing.lanes)
        .into_iter()
        .zip(std::mem::take(&mut opening.lanes));
    let workers =
        lanes
            .zip(tapes)
            .zip(tallies)
            .map(|(((sealer, opener), tape), taken)| -> Box<dyn Worker> {
                Box::new(Ingress {
                    sealer,
                    opener,
                    tape,
                    taken,
                })
            });
    Ok(Team {
        workers: workers.collect(),
        nodes: vec![sealing, opening],
    })
}

fn sealing_node(suite: Suite, load: Load, tapes: &[Tape]) -> Result<Node, String> {
    let queues = tapes.iter().map(|tape| {
        (
            sending(load),
            Wire::Recorder(sender_address(), tape.clone()),
        )
    });
    Node::new(queues.collect(), Tenants::There, Keys::Seal(suite))
}

/// A lane on its way out up to a hop that refuses every packet.
struct RefusingEgress {
    node: Node,
    given: Tally,
    reason: &'static str,
}

impl Worker for RefusingEgress {
    fn run(&mut self, packets: u64) -> Result<Done, String> {
        let given = self.given.get();
        let lane = self.node.lanes.first_mut().ok_or("no lane")?;
        let begin = clock::now();
        while self.given.get() - given < packets {
            turn(lane)?;
        }
        let elapsed = clock::now() - begin;
        let packets = self.given.get() - given;
        self.node.expect_drops(self.reason)?;
        Ok(Done::new(packets, elapsed))
    }
}

/// The hops out, up to the refusal for `reason`.
pub(super) fn egress_until(
    keys: Keys,
    bytes: usize,
    reason: &'static str,
) -> Result<Box<dyn Worker>, String> {
    let device = sending(plain(bytes));
    let given = device.given();
    let queues = vec![(device, Wire::Sink(Tally::default()))];
    let node = Node::new(queues, Tenants::There, keys)?;
    Ok(Box::new(RefusingEgress {
        node,
        given,
        reason,
    }))
}

/// Where the next datagrams of a refusing lane come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refill {
    /// The same ones again.
    Rewind,
    /// New ones, sealed outside of the time.
    Seal,
}

/// A lane on its way in up to a hop that refuses every packet.
struct RefusingIngress {
    sealing: Node,
    opening: Node,
    tape: Tape,
    refill: Refill,
    reason: &'static str,
}

impl Worker for RefusingIngress {
    fn run(&mut self, packets: u64) -> Result<Done, String> {
        let sealer = self.sealing.lanes.first_mut().ok_or("no lane")?;
        let opener = self.opening.lanes.first_mut().ok_or("no lane")?;
        let mut done = Done::NOTHING;
        while done.packets < packets {
            match self.refill {
                Refill::Rewind => self.tape.rewind(),
                Refill::Seal => record(sealer, &self.tape)?,
            }
            let played = play(opener, &self.tape)?;
            done.add(played);
        }
        self.opening.expect_drops(self.reason)?;
        Ok(done)
    }
}

/// How a lane on its way in is made to refuse everything at one hop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub(super) tenants: Tenants,
    pub(super) refill: Refill,
    pub(super) reason: &'static str,
}

/// The hops in, up to the refusal.
pub(super) fn ingress_until(
    suite: Suite,
    bytes: usize,
    refusal: Refusal,
) -> Result<Box<dyn Worker>, String> {
    let tape = Tape::default();
    let mut sealing = sealing_node(suite, plain(bytes), std::slice::from_ref(&tape))?;
    let queues = vec![(Device::default(), Wire::Player(tape.clone()))];
    let mut opening = Node::new(queues, refusal.tenants, Keys::Open(suite))?;
    let lanes = sealing.lanes.first_mut().zip(opening.lanes.first_mut());
    let (sealer, opener) = lanes.ok_or("no lane")?;
    record(sealer, &tape)?;
    if refusal.refill == Refill::Rewind {
        // The first time they are new.
        play(opener, &tape)?;
    }
    Ok(Box::new(RefusingIngress {
        sealing,
        opening,
        tape,
        refill: refusal.refill,
        reason: refusal.reason,
    }))
}

/// Hop 1 out: what a copy into the batch costs.
struct ReadDevice {
    device: Device,
    batch: TunBatch,
}

impl Worker for ReadDevice {
    fn run(&mut self, packets: u64) -> Result<Done, String> {
        let mut done = 0;
        let begin = clock::now();
        while done < packets {
            let read = self.device.recv_batch(&mut self.batch);
            done += read.map_err(|error| error.to_string())? as u64;
        }
        Ok(Done::new(done, clock::now() - begin))
    }
}

/// Hop 1 out.
pub(super) fn read_device(bytes: usize) -> Box<dyn Worker> {
    Box::new(ReadDevice {
        device: sending(plain(bytes)),
        batch: TunBatch::new(TUN_BATCH, TUN_BATCH_BYTES),
    })
}

/// Hop 1 in: what a copy of a train into the batch costs.
struct ReadSocket {
    socket: Wire,
    tape: Tape,
    batch: UdpBatch,
}

impl Worker for ReadSocket {
    fn run(&mut self, packets: u64) -> Result<Done, String> {
        let (mut done, datagrams) = (0, self.tape.datagrams());
        let begin = clock::now();
        while done < packets {
            self.tape.rewind();
            while self
                .socket
                .recv_batch(&mut self.batch)
                .map_err(|error| error.to_string())?
                > 0
            {}
            done += datagrams;
        }
        Ok(Done::new(done, clock::now() - begin))
    }
}

/// Hop 1 in.
pub(super) fn read_socket(suite: Suite, bytes: usize) -> Result<Box<dyn Worker>, String> {
    let tape = Tape::default();
    let mut sealing = sealing_node(suite, plain(bytes), std::slice::from_ref(&tape))?;
    record(sealing.lanes.first_mut().ok_or("no lane")?, &tape)?;
    Ok(Box::new(ReadSocket {
        socket: Wire::Player(tape.clone()),
        tape,
        batch: UdpBatch::new(UDP_BATCH),
    }))
}
