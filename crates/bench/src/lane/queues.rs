//! A device and a socket that cost a lane one copy per packet, and nothing else.
//!
//! `linkveil_net::memory` is a network for tests: it allocates for each packet and passes it through a channel, which
//! takes longer than a lane does. Here a device hands out copies of one packet, and a socket plays trains from a tape.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use linkveil_net::batch::{Arena, RecvMeta, TunBatch, UdpBatch};
use linkveil_net::clock;
use linkveil_net::frames::FrameList;
use linkveil_net::gso::{GsoQueue, Train};
use linkveil_net::traits::{
    PortQueue, PortSendReport, TunQueue, TunSendReport, UdpQueue, UdpSendReport,
};
use linkveil_net::virtio::{Offload, Offloads};
use linkveil_net::{PortBatch, PortOutbox};

/// Counts what passes a queue. Written once a batch, by the thread that also reads it.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<AtomicU64>);

impl Tally {
    fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// So far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Time that a queue takes for what stands for a system call: copies. Read and written by one thread, once a batch.
///
/// A reading of the clock is in it for each batch, which is not the queue's: some 0.4 ns for each of 64 packets.
#[derive(Clone, Debug, Default)]
pub struct Stopwatch(Arc<AtomicU64>);

impl Stopwatch {
    /// Lets it run while `work` does.
    fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let begin = clock::now();
        let made = work();
        let took = u64::try_from((clock::now() - begin).as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(took, Ordering::Relaxed);
        made
    }

    /// So far.
    #[must_use]
    pub fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// What a device hands over at every read.
#[derive(Clone, Debug)]
pub struct Handed {
    /// A packet or super-packet.
    pub bytes: Vec<u8>,
    /// What is left to be done to it.
    pub offload: Offload,
    /// Packets that it is.
    pub packets: usize,
}

/// A device whose tenant sends the same packet for ever, or nothing at all, and takes everything.
#[derive(Debug, Default)]
pub struct Device {
    packet: Option<Handed>,
    offloads: Offloads,
    given: Tally,
    taken: Tally,
    copying: Stopwatch,
}

impl Device {
    /// Every read gives a full batch of copies of `packet`.
    #[must_use]
    pub fn sending(packet: Handed) -> Self {
        Self {
            packet: Some(packet),
            ..Self::default()
        }
    }

    /// A silent device that takes whatever this allows.
    #[must_use]
    pub fn taking(offloads: Offloads) -> Self {
        Self {
            offloads,
            ..Self::default()
        }
    }

    /// Packets that were read from it.
    #[must_use]
    pub fn given(&self) -> Tally {
        self.given.clone()
    }

    /// How long its copies took.
    #[must_use]
    pub fn copying(&self) -> Stopwatch {
        self.copying.clone()
    }

    /// Packets that were written to it.
    #[must_use]
    pub fn taken(&self) -> Tally {
        self.taken.clone()
    }
}

impl TunQueue for Device {
    fn recv_batch(&mut self, batch: &mut TunBatch) -> io::Result<usize> {
        batch.clear();
        if let Some(packet) = &self.packet {
            self.copying.time(|| {
                while !batch.is_full() && batch.push(&packet.bytes, packet.offload).is_some() {}
            });
            self.given.add(batch.len() * packet.packets);
        }
        Ok(batch.len())
    }

    fn send_batch(&mut self, frames: &FrameList, _arena: &impl Arena) -> TunSendReport {
        // A super-packet has a part of every packet that was joined to it.
        self.taken
            .add(frames.iter().map(|frame| frame.parts.len()).sum());
        TunSendReport {
            sent: frames.len(),
            dropped: 0,
        }
    }

    fn offloads(&self) -> Offloads {
        self.offloads
    }
}

/// Trains that a lane sent, to be played to another as often as one likes.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    reel: Arc<Mutex<Reel>>,
    copying: Stopwatch,
}

#[derive(Debug, Default)]
struct Reel {
    /// The memory of erased trains is used again.
    trains: Vec<(RecvMeta, Vec<u8>)>,
    recorded: usize,
    played: usize,
}

impl Tape {
    /// Only ever used by one thread at a time; the lock is never contended.
    fn reel(&self) -> MutexGuard<'_, Reel> {
        self.reel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long copies from it took.
    #[must_use]
    pub fn copying(&self) -> Stopwatch {
        self.copying.clone()
    }

    /// Forgets everything.
    pub fn erase(&self) {
        let mut reel = self.reel();
        (reel.recorded, reel.played) = (0, 0);
    }

    /// Plays from the start again.
    pub fn rewind(&self) {
        self.reel().played = 0;
    }

    /// Whether nothing is left to be played.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        let reel = self.reel();
        reel.played == reel.recorded
    }

    /// Datagrams from start to end.
    #[must_use]
    pub fn datagrams(&self) -> u64 {
        let reel = self.reel();
        let trains = reel.trains.iter().take(reel.recorded);
        trains.map(|(meta, _)| meta.segments().count() as u64).sum()
    }

    fn record(&self, from: SocketAddr, train: Train<'_>) {
        let meta = RecvMeta {
            remote: from,
            len: train.bytes.len(),
            stride: train.segment_len,
            tos: train.tos,
        };
        self.record_bytes(meta, train.bytes);
    }

    /// A frame is a train of one, from nowhere.
    fn record_frame(&self, frame: &[u8]) {
        let meta = RecvMeta {
            remote: SocketAddr::from(([0, 0, 0, 0], 0)),
            len: frame.len(),
            stride: frame.len(),
            tos: 0,
        };
        self.record_bytes(meta, frame);
    }

    fn record_bytes(&self, meta: RecvMeta, recorded: &[u8]) {
        let mut reel = self.reel();
        let place = reel.recorded;
        match reel.trains.get_mut(place) {
            Some((old, bytes)) => {
                *old = meta;
                bytes.clear();
                bytes.extend_from_slice(recorded);
            }
            None => reel.trains.push((meta, recorded.to_vec())),
        }
        reel.recorded += 1;
    }

    /// Plays as long as there is room.
    fn play(&self, mut push: impl FnMut(RecvMeta, &[u8]) -> Option<()>) {
        let reel = &mut *self.reel();
        if reel.played == reel.recorded {
            return;
        }
        let rest = reel.trains.iter().take(reel.recorded).skip(reel.played);
        let pushed = || {
            rest.take_while(|(meta, bytes)| push(*meta, bytes).is_some())
                .count()
        };
        reel.played += self.copying.time(pushed);
    }
}

/// What a socket does with the trains of its lane.
#[derive(Debug)]
pub enum Wire {
    /// Takes them and forgets them.
    Sink(Tally),
    /// Records them as coming from an address.
    Recorder(SocketAddr, Tape),
    /// Its lane sends nothing and receives what is on the tape.
    Player(Tape),
}

impl UdpQueue for Wire {
    fn recv_batch(&mut self, batch: &mut UdpBatch) -> io::Result<usize> {
        batch.clear();
        if let Self::Player(tape) = self {
            tape.play(|meta, bytes| batch.push(meta, bytes));
        }
        Ok(batch.len())
    }

    fn send_batch(&mut self, queue: &mut GsoQueue) -> io::Result<UdpSendReport> {
        let mut sent = 0;
        while let Some(train) = queue.front() {
            if let Self::Recorder(from, tape) = self {
                tape.record(*from, train);
            }
            sent += queue.drop_front();
        }
        if let Self::Sink(tally) = self {
            tally.add(sent);
        }
        Ok(UdpSendReport {
            sent,
            ..UdpSendReport::default()
        })
    }
}

/// What a protected port does with the frames of its lane.
#[derive(Debug)]
pub enum Cable {
    /// Takes them and forgets them.
    Sink(Tally),
    /// Records them.
    Recorder(Tape),
    /// Its lane sends nothing and receives what is on the tape.
    Player(Tape),
}

impl PortQueue for Cable {
    fn recv_batch(&mut self, batch: &mut PortBatch) -> io::Result<usize> {
        batch.clear();
        if let Self::Player(tape) = self {
            tape.play(|_, frame| batch.push(frame));
        }
        Ok(batch.len())
    }

    fn send_batch(&mut self, outbox: &mut PortOutbox) -> io::Result<PortSendReport> {
        let sent = outbox.len();
        match self {
            Self::Sink(tally) => tally.add(sent),
            Self::Recorder(tape) => outbox.frames().for_each(|frame| tape.record_frame(frame)),
            Self::Player(_) => {}
        }
        outbox.consume(sent);
        Ok(PortSendReport {
            sent,
            ..PortSendReport::default()
        })
    }
}

#[cfg(test)]
mod tests;
