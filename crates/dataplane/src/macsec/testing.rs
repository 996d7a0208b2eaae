//! What the MACsec lanes' tests share: two ports with their hosts, keys between them, and a hand on the cable.

pub(crate) mod host;

use std::time::Instant;

use linkveil_crypto::AesKey;
use linkveil_macsec::{
    CipherSuite, PortMtu, Protection, ReplayProtect, RxPolicy, RxSak, SaTerms, Sak, Salt, TxForm,
    TxSak, Validate, WindowSize,
};
use linkveil_net::Offloads;
use linkveil_net::clock;
use linkveil_net::memory::{
    MemoryPort, MemoryTun, PortWireOptions, TunHost, WhenFull, port_wire, tun_with,
};
use linkveil_sa::{Counter, Counters, EpochId, LaneEvent, Macsec, PeerId};
use linkveil_wire::sectag::PnWidth;
use linkveil_wire::{An, MacAddr, PacketNumber, PortId, Sci, Ssci};

use super::command::{InstallRx, InstallTx, MacsecCommand};
use super::config::MacsecConfig;
use super::event::MacsecEvent;
use super::lane::{MacsecLane, MacsecQueues};
use super::pool::{MacsecPool, build};
use super::report::MacsecReport;
use crate::lane::Turn;

pub(crate) const PEER: PeerId = PeerId::new(3);
pub(crate) const EPOCH: EpochId = EpochId::new(1);
pub(crate) const LEFT: MacAddr = MacAddr::new([0x02, 0xaa, 0, 0, 0, 1]);
pub(crate) const RIGHT: MacAddr = MacAddr::new([0x02, 0xbb, 0, 0, 0, 2]);
pub(crate) const AN: An = An::ALL[0];

/// What a test varies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) suite: CipherSuite,
    pub(crate) form: TxForm,
    pub(crate) protection: Protection,
    pub(crate) policy: RxPolicy,
    pub(crate) mtu: u16,
    /// Of both sides' devices.
    pub(crate) offloads: Offloads,
    /// Of both sides.
    pub(crate) lanes: usize,
    /// Frames that wait in the cable, from each lane to the test.
    pub(crate) capacity: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            suite: CipherSuite::GcmAesXpn256,
            form: TxForm::Explicit,
            protection: Protection::Confidentiality,
            policy: RxPolicy {
                validate: Validate::Strict,
                replay_protect: ReplayProtect::On,
                window: WindowSize::new(64).unwrap(),
            },
            mtu: 1_500,
            offloads: Offloads::None,
            lanes: 1,
            capacity: 1_024,
        }
    }
}

impl Setup {
    pub(crate) fn config(&self, address: MacAddr) -> MacsecConfig {
        MacsecConfig {
            peer: PEER,
            suite: self.suite,
            address,
            first_port: PortId::END_STATION,
            form: self.form,
            protection: self.protection,
            mtu: PortMtu::new(self.mtu),
            policy: self.policy,
        }
    }

    /// The key of a channel; `generation` tells keys of one channel apart.
    pub(crate) fn sak(&self, sci: Sci, generation: u8) -> Sak {
        let mut key = vec![generation; self.suite.key_len()];
        key[..8].copy_from_slice(&sci.to_bytes());
        let key = AesKey::copy_from(&key).unwrap();
        match self.suite.pn_width() {
            PnWidth::Bits32 => Sak::new(self.suite, sci, key).unwrap(),
            PnWidth::Bits64 => {
                let ssci = Ssci::new(u32::from(sci.port().get()));
                let salt = Salt::new([generation; 12]);
                Sak::extended(self.suite, (sci, ssci), key, &salt).unwrap()
            }
        }
    }

    pub(crate) fn scis(&self, address: MacAddr) -> Vec<Sci> {
        let ports = (1..).take(self.lanes).map(PortId::new);
        ports.map(|port| Sci::new(address, port)).collect()
    }

    pub(crate) fn install_tx(&self, address: MacAddr, epoch: EpochId, an: An) -> InstallTx {
        let terms = SaTerms::of(self.suite);
        let generation = u8::try_from(epoch.get()).unwrap();
        let key = |sci| TxSak::new(self.sak(sci, generation), terms).unwrap();
        InstallTx {
            epoch,
            an,
            keys: self.scis(address).into_iter().map(key).collect(),
        }
    }

    pub(crate) fn install_rx(&self, address: MacAddr, epoch: EpochId, an: An) -> InstallRx {
        let terms = SaTerms::of(self.suite);
        let generation = u8::try_from(epoch.get()).unwrap();
        let key = |sci| RxSak::new(self.sak(sci, generation), terms).unwrap();
        InstallRx {
            epoch,
            an,
            keys: self.scis(address).into_iter().map(key).collect(),
        }
    }
}

/// One port: its lanes, control's end of them, and the hosts behind its device's queues.
pub(crate) struct Side {
    pub(crate) pool: MacsecPool,
    pub(crate) lanes: Vec<MacsecLane<MemoryTun, MemoryPort>>,
    pub(crate) hosts: Vec<TunHost>,
    pub(crate) now: Instant,
    pub(crate) events: Vec<MacsecEvent>,
}

impl Side {
    pub(crate) fn new(setup: &Setup, address: MacAddr, ports: Vec<MemoryPort>) -> Self {
        let mut hosts = Vec::new();
        let queues = ports.into_iter().map(|port| {
            let (tap, host) = tun_with(2_048, setup.offloads);
            hosts.push(host);
            MacsecQueues { tap, port }
        });
        let queues = queues.collect();
        let (pool, lanes) = build(&setup.config(address), queues).unwrap();
        Self {
            pool,
            lanes,
            hosts,
            now: clock::now(),
            events: Vec::new(),
        }
    }

    /// Turns all lanes until none has anything left to do, or can do it.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            self.pool.flush();
            let before = self.events.len();
            let mut worked = false;
            for lane in &mut self.lanes {
                worked |= lane.turn(self.now).unwrap() == Turn::Worked;
            }
            self.events
                .extend(std::iter::from_fn(|| self.pool.poll_event()));
            if !worked && self.events.len() == before {
                return;
            }
        }
    }

    pub(crate) fn order(&mut self, command: MacsecCommand) {
        self.pool.command(command);
        self.settle();
    }

    /// The events for the control core since the last call.
    pub(crate) fn core_events(&mut self) -> Vec<LaneEvent<Macsec>> {
        let events = std::mem::take(&mut self.events).into_iter();
        let of_core = |event| match event {
            MacsecEvent::Lane(event) => Some(event),
            _ => None,
        };
        events.filter_map(of_core).collect()
    }

    /// The same without those of keys and traffic that all tests have.
    pub(crate) fn news(&mut self) -> Vec<LaneEvent<Macsec>> {
        let mut events = self.core_events();
        events.retain(|event| {
            !matches!(
                event,
                LaneEvent::Installed { .. }
                    | LaneEvent::Activity { .. }
                    | LaneEvent::FirstOpen { .. }
            )
        });
        events
    }

    pub(crate) fn report(&mut self) -> MacsecReport {
        self.settle();
        self.pool.request_report();
        self.settle();
        let reports = std::mem::take(&mut self.events).into_iter();
        let (mut reports, others): (Vec<_>, Vec<_>) =
            reports.partition(|event| matches!(event, MacsecEvent::Report(_)));
        self.events = others;
        match reports.pop() {
            Some(MacsecEvent::Report(report)) => *report,
            other => panic!("every lane answers: {other:?}"),
        }
    }

    /// Everything that was counted of frames that ended here, and that is not zero.
    pub(crate) fn ended(&mut self) -> Vec<(&'static str, u64)> {
        let report = self.report();
        let mut moved = moved(&report.drops);
        moved.extend(super::testing::moved(&report.secy));
        for channel in &report.tx {
            moved.extend(super::testing::moved(&channel.counters));
        }
        for channel in &report.rx {
            moved.extend(super::testing::moved(&channel.counters));
        }
        moved.retain(|(name, _)| !name.contains("octets"));
        moved
    }

    pub(crate) fn received(&self) -> Vec<Vec<u8>> {
        let hosts = self.hosts.iter();
        let all = hosts.flat_map(|host| std::iter::from_fn(|| host.recv()));
        all.collect()
    }
}

pub(crate) fn moved<C: Counter>(counters: &Counters<C>) -> Vec<(&'static str, u64)> {
    counters.named().filter(|(_, count)| *count > 0).collect()
}

/// Two ports, and the test between them.
pub(crate) struct Link {
    pub(crate) left: Side,
    pub(crate) right: Side,
    /// The ends of the cable: what a side sends comes out at its own.
    pub(crate) left_cable: MemoryPort,
    pub(crate) right_cable: MemoryPort,
}

impl Link {
    /// Ports without keys.
    pub(crate) fn bare(setup: &Setup) -> Self {
        let options = PortWireOptions {
            capacity: setup.capacity,
            when_full: WhenFull::Block,
            ..PortWireOptions::default()
        };
        let end = |address| {
            let [ports, mut cable] = port_wire([setup.lanes, 1], options);
            (Side::new(setup, address, ports), cable.remove(0))
        };
        let (left, left_cable) = end(LEFT);
        let (right, right_cable) = end(RIGHT);
        Self {
            left,
            right,
            left_cable,
            right_cable,
        }
    }

    /// Ports with one epoch between them.
    pub(crate) fn new(setup: &Setup) -> Self {
        let mut link = Self::bare(setup);
        link.install(setup, EPOCH, AN);
        link
    }

    /// A new epoch on both sides: first all receive, then all send.
    pub(crate) fn install(&mut self, setup: &Setup, epoch: EpochId, an: An) {
        let ends = [(&mut self.left, RIGHT), (&mut self.right, LEFT)];
        for (side, other) in ends {
            side.order(MacsecCommand::InstallRx(setup.install_rx(other, epoch, an)));
        }
        for (side, own) in [(&mut self.left, LEFT), (&mut self.right, RIGHT)] {
            side.order(MacsecCommand::InstallTx(setup.install_tx(own, epoch, an)));
        }
    }

    /// The frames that the left side has sent.
    pub(crate) fn sent(&mut self) -> Vec<Vec<u8>> {
        self.left.settle();
        std::iter::from_fn(|| self.left_cable.recv()).collect()
    }

    /// Gives the right side a frame.
    pub(crate) fn give(&mut self, frame: &[u8]) {
        self.right_cable.send(frame).unwrap();
    }

    /// Carries everything from left to right and back, until nothing moves.
    pub(crate) fn carry(&mut self) {
        loop {
            self.left.settle();
            self.right.settle();
            let mut moved = false;
            while let Some(frame) = self.left_cable.recv() {
                self.right_cable.send(&frame).unwrap();
                moved = true;
            }
            while let Some(frame) = self.right_cable.recv() {
                self.left_cable.send(&frame).unwrap();
                moved = true;
            }
            if !moved {
                return;
            }
        }
    }
}

/// A frame of so many octets in all.
pub(crate) fn frame(len: usize) -> Vec<u8> {
    let mut frame = [RIGHT.octets(), LEFT.octets()].concat();
    frame.extend([0x90, 0x00]);
    frame.extend((0..=u8::MAX).cycle().take(len.saturating_sub(14)));
    frame.truncate(len);
    frame
}

pub(crate) fn pn(number: u64) -> PacketNumber {
    PacketNumber::new(number)
}
