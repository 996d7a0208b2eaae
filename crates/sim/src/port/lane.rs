//! One lane of a port.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use linkveil_crypto::{Direction, Fingerprint};
use linkveil_macsec::{
    PortMtu, Protection, ReplayProtect, RxPolicy, RxSak, RxSecy, TxConfig, TxForm, TxSak, TxSc,
    Validate, WindowSize,
};
use linkveil_sa::{EpochId, InstallKind, LaneEvent, Macsec, RxChannel, TxChannel};
use linkveil_tunnel::PORT_PEER;
use linkveil_wire::ethernet::ETHERNET_HEADER_LEN;
use linkveil_wire::port::{PORT_ETHERTYPE, PORT_GROUP};
use linkveil_wire::{
    An, CipherSuite, ControlFrame, EthernetFrame, GeneveFrame, MacAddr, PacketNumber, Sci,
};

use super::model::Violation;

/// What names a key in the whole world: all that goes into its derivation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyName {
    /// Of the epoch.
    pub fingerprint: Fingerprint,
    /// Who seals.
    pub direction: Direction,
    /// The association.
    pub an: An,
    /// The channel.
    pub sci: Sci,
}

/// What a lane is told to do.
#[derive(Debug)]
pub enum Order {
    /// Open under these keys.
    InstallRx {
        /// Their epoch.
        epoch: EpochId,
        /// Their association.
        an: An,
        /// The channels that this lane owns.
        channels: Vec<RxChannel>,
    },
    /// Seal under this key.
    InstallTx {
        /// The lane's channel.
        channel: TxChannel,
        /// What names the key.
        name: KeyName,
    },
    /// Open nothing under this epoch.
    RemoveRx(EpochId),
    /// Seal nothing under this epoch.
    RemoveTx(EpochId),
    /// Seal a control frame, if the epoch is in use.
    Control(EpochId, ControlFrame),
}

/// What a lane did that others must know.
#[derive(Debug)]
pub enum Deed {
    /// For the control core.
    Event(LaneEvent<Macsec>),
    /// An install is carried out on this lane.
    Installed(EpochId, InstallKind),
    /// A secured control frame for the wire, and what sealed it.
    Sealed(Vec<u8>, KeyName, PacketNumber),
    /// A plain frame for the host.
    Delivered(Vec<u8>),
}

/// One lane.
#[derive(Debug)]
pub struct Lane {
    sci: Sci,
    station: MacAddr,
    tx: TxSc,
    rx: RxSecy,
    orders: VecDeque<(Duration, Order)>,
    sends_under: Option<(EpochId, KeyName)>,
    opens_under: [Option<(EpochId, Vec<Sci>)>; An::COUNT],
    sent: u64,
    received: u64,
}

/// What a lane seals with its frames.
pub const POLICY: RxPolicy = RxPolicy {
    validate: Validate::Strict,
    replay_protect: ReplayProtect::On,
    window: WindowSize::MAX,
};

impl Lane {
    /// A lane that sends on this channel.
    #[must_use]
    pub fn new(suite: CipherSuite, protection: Protection, sci: Sci) -> Self {
        let config = TxConfig {
            suite,
            sci,
            form: TxForm::Explicit,
            protection,
            mtu: PortMtu::new(1_500),
        };
        Self {
            sci,
            station: sci.address(),
            tx: TxSc::new(config).expect("a channel"),
            rx: RxSecy::new(suite, POLICY),
            orders: VecDeque::new(),
            sends_under: None,
            opens_under: [const { None }; An::COUNT],
            sent: 0,
            received: 0,
        }
    }

    /// Gives an order that is carried out at this time, or after the ones before it.
    pub fn order(&mut self, at: Duration, order: Order) {
        let last = self.orders.back().map_or(at, |(last, _)| at.max(*last));
        self.orders.push_back((last, order));
    }

    /// When the next order is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.orders.front().map(|(at, _)| *at)
    }

    /// Carries out what is due.
    ///
    /// # Errors
    /// A [`Violation`]: control gave an order that no lane can carry out.
    pub fn work(&mut self, now: (Duration, Instant)) -> Result<Vec<Deed>, Violation> {
        self.tx.expire(now.1);
        self.rx.expire(now.1);
        let mut deeds = Vec::new();
        while self.next_due().is_some_and(|at| at <= now.0) {
            if let Some((_, order)) = self.orders.pop_front() {
                self.carry_out(order, &mut deeds)?;
            }
        }
        Ok(deeds)
    }

    fn carry_out(&mut self, order: Order, deeds: &mut Vec<Deed>) -> Result<(), Violation> {
        match order {
            Order::InstallRx {
                epoch,
                an,
                channels,
            } => {
                self.install_rx((epoch, an), channels)?;
                deeds.push(Deed::Installed(epoch, InstallKind::Rx));
            }
            Order::InstallTx { channel, name } => {
                let epoch = channel.about().epoch;
                self.install_tx(channel, name)?;
                deeds.push(Deed::Installed(epoch, InstallKind::Tx));
            }
            Order::RemoveRx(epoch) => self.remove_rx(epoch),
            Order::RemoveTx(epoch) => {
                if let Some((_, name)) = self.sends_under.take_if(|(under, _)| *under == epoch) {
                    self.tx.remove(name.an);
                }
            }
            Order::Control(epoch, frame) => {
                if self.sends_under.is_some_and(|(under, _)| under == epoch) {
                    let plain = self.control_frame(frame);
                    let sealed = self.seal(&plain);
                    deeds.extend(
                        sealed.map(|(frame, name, number)| Deed::Sealed(frame, name, number)),
                    );
                }
            }
        }
        Ok(())
    }

    fn install_rx(
        &mut self,
        (epoch, an): (EpochId, An),
        channels: Vec<RxChannel>,
    ) -> Result<(), Violation> {
        if let Some((holder, _)) = &self.opens_under[an.index()] {
            return Err(Violation::AssociationInUse {
                an,
                holder: *holder,
                epoch,
            });
        }
        let mut names = Vec::new();
        for channel in channels {
            let sci = channel.sci();
            if self.rx.channel(sci).is_none() {
                self.make_room(sci);
                self.rx.add_channel(sci).expect("room for a channel");
            }
            let sak = RxSak::of_channel(channel).expect("a key");
            self.rx.install(an, sak).map_err(Violation::Install)?;
            names.push(sci);
        }
        self.opens_under[an.index()] = Some((epoch, names));
        Ok(())
    }

    /// Channels of a station that the peer was before, and that no epoch opens any more, go.
    fn make_room(&mut self, new: Sci) {
        let old: Vec<_> = self.rx.channels().iter().map(|sc| sc.sci()).collect();
        for sci in old {
            let used = self.opens_under.iter().flatten();
            let used = used.flat_map(|(_, names)| names).any(|name| *name == sci);
            if sci.address() != new.address() && !used {
                self.rx.remove_channel(sci);
            }
        }
    }

    fn install_tx(&mut self, channel: TxChannel, name: KeyName) -> Result<(), Violation> {
        let about = channel.about();
        let sak = TxSak::of_channel(channel).expect("a key");
        self.tx.remove(about.an);
        self.tx.install(about.an, sak).map_err(Violation::Install)?;
        assert!(self.tx.encode_with(about.an));
        let former = self.sends_under.replace((about.epoch, name));
        if let Some((_, former)) = former.filter(|(_, former)| former.an != about.an) {
            self.tx.remove(former.an);
        }
        Ok(())
    }

    fn remove_rx(&mut self, epoch: EpochId) {
        for an in An::ALL {
            let place = &mut self.opens_under[an.index()];
            if let Some((_, names)) = place.take_if(|(holder, _)| *holder == epoch) {
                for sci in names {
                    self.rx.remove(sci, an);
                }
            }
        }
    }

    fn control_frame(&self, frame: ControlFrame) -> Vec<u8> {
        let addresses = [PORT_GROUP.octets(), self.station.octets()].concat();
        [
            &addresses,
            PORT_ETHERTYPE.0.to_be_bytes().as_slice(),
            &frame.emit(),
        ]
        .concat()
    }

    /// Secures a plain frame; `None` if there is no key to do it with.
    pub fn seal(&mut self, plain: &[u8]) -> Option<(Vec<u8>, KeyName, PacketNumber)> {
        let (_, name) = self.sends_under?;
        let mut frame = vec![0; self.tx.headroom()];
        frame.extend_from_slice(plain);
        frame.resize(plain.len() + self.tx.overhead(), 0);
        let number = self.tx.protect(&mut frame).ok()?;
        self.sent += 1;
        Some((frame, name, number))
    }

    /// Takes a secured frame from the wire.
    pub fn open(&mut self, mut frame: Vec<u8>) -> Vec<Deed> {
        let Ok(delivered) = self.rx.validate(&mut frame) else {
            return Vec::new();
        };
        let linkveil_macsec::Provenance::Channel(judged) = delivered.provenance() else {
            return Vec::new();
        };
        self.received += 1;
        let path = judged.sci.address();
        let Some((epoch, _)) = &self.opens_under[judged.an.index()] else {
            return Vec::new();
        };
        let (epoch, peer) = (*epoch, PORT_PEER);
        let mut deeds = Vec::new();
        if judged.first {
            deeds.push(Deed::Event(LaneEvent::FirstOpen { peer, epoch, path }));
        }
        let plain = delivered.into_frame().to_vec();
        match control_of(&plain) {
            Some(frame) => deeds.push(Deed::Event(LaneEvent::Control {
                peer,
                epoch,
                frame,
                path,
            })),
            None => deeds.push(Deed::Delivered(plain)),
        }
        deeds
    }

    /// What lanes tell now and then: traffic, and keys that come to their end.
    pub fn report(&mut self) -> Vec<LaneEvent<Macsec>> {
        let peer = PORT_PEER;
        let mut events = Vec::new();
        while let Some((an, pressure)) = self.tx.take_pressure() {
            let epoch = self.sends_under.filter(|(_, name)| name.an == an);
            events.extend(epoch.map(|(epoch, _)| LaneEvent::Pressure {
                peer,
                epoch,
                pressure,
            }));
        }
        while let Some((_, an, pressure)) = self.rx.take_pressure() {
            let epoch = self.opens_under[an.index()].as_ref();
            events.extend(epoch.map(|(epoch, _)| LaneEvent::Pressure {
                peer,
                epoch: *epoch,
                pressure,
            }));
        }
        let (tx_packets, rx_packets) = (self.sent, self.received);
        if tx_packets + rx_packets > 0 {
            events.push(LaneEvent::Activity {
                peer,
                tx_packets,
                rx_packets,
            });
        }
        (self.sent, self.received) = (0, 0);
        events
    }

    /// The key that it seals with.
    #[must_use]
    pub fn key(&self) -> Option<KeyName> {
        self.sends_under.map(|(_, name)| name)
    }

    /// Associations that it opens under.
    #[must_use]
    pub fn associations(&self) -> usize {
        self.opens_under.iter().flatten().count()
    }

    /// Its channel.
    #[must_use]
    pub const fn sci(&self) -> Sci {
        self.sci
    }
}

fn control_of(plain: &[u8]) -> Option<ControlFrame> {
    let frame = EthernetFrame::parse(plain).ok()?;
    if frame.destination() != PORT_GROUP || frame.ether_type() != PORT_ETHERTYPE {
        return None;
    }
    match GeneveFrame::parse(&plain[ETHERNET_HEADER_LEN..]) {
        Ok(GeneveFrame::Control(frame)) => Some(frame),
        _ => None,
    }
}
