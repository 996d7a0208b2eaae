//! One node with a MACsec port: the real control core, and lanes.

use std::collections::HashMap;
use std::time::Duration;

use linkveil_crypto::{Psk, PublicKey, StaticSecret, Suite};
use linkveil_sa::{
    EpochId, InstallKind, LaneCommand, LaneEvent, Limits, Macsec, RxChannelInstall,
    TxChannelInstall, channel_of,
};
use linkveil_tunnel::{Core, CoreConfig, Event, Now, PORT_PEER, PortConfig, PortPeer, PqPolicy};
use linkveil_wire::{HandshakeFlags, InnerMtu, LaneCount, MacAddr, PortTerms};

use super::lane::{Deed, KeyName, Lane, Order};
use super::model::Violation;
use crate::kem::KemChoice;
use crate::random::SimRandom;
use linkveil_macsec::PortMtu;

/// How a station is configured.
#[derive(Clone, Copy, Debug)]
pub struct StationSetup {
    /// Its MAC address.
    pub station: MacAddr,
    /// Suite and protection.
    pub terms: PortTerms,
    /// Its lanes.
    pub lanes: LaneCount,
    /// The suite of the handshake.
    pub suite: Suite,
    /// The age of an epoch.
    pub rekey_after: Duration,
    /// What a key may do.
    pub limits: Limits,
    /// The KEM of the hybrid.
    pub kem: KemChoice,
    /// The longest time that a lane takes for an order.
    pub slowness: Duration,
}

/// One node.
#[derive(Debug)]
pub struct Station {
    /// The real one.
    pub core: Core<Macsec>,
    /// Its lanes.
    pub lanes: Vec<Lane>,
    setup: StationSetup,
    acknowledged: HashMap<(EpochId, InstallKind), usize>,
    random: SimRandom,
}

/// What a station wants the world to do.
#[derive(Debug, Default)]
pub struct Output {
    /// Handshake frames for the wire.
    pub handshakes: Vec<Vec<u8>>,
    /// What the core tells.
    pub events: Vec<Event<Macsec>>,
}

impl Station {
    /// A node that calls its peer at once. `seed` differs from life to life.
    ///
    /// # Panics
    /// If the setup is impossible.
    #[must_use]
    pub fn start(
        setup: StationSetup,
        (secret, peer): (StaticSecret, PublicKey),
        mut random: SimRandom,
        now: Now,
    ) -> Self {
        let config = CoreConfig {
            secret,
            suite: setup.suite,
            lanes: setup.lanes,
            kem: setup.kem.build(),
            flags: HandshakeFlags::NONE,
            rekey_after: setup.rekey_after,
            post_quantum: PqPolicy::Required,
            limits: setup.limits,
        };
        let port = PortConfig {
            station: setup.station,
            terms: setup.terms,
            mtu: PortMtu::new(1_500),
        };
        let peer = PortPeer {
            name: "the other".into(),
            public_key: peer,
            psk: Psk::none(),
            mtu: InnerMtu::new(1_468).expect("an MTU"),
        };
        let source = Box::new(SimRandom::clone(&random));
        let _apart = random.next_u64();
        let lanes = setup.lanes.lanes().map(|lane| {
            let PortTerms { suite, protection } = setup.terms;
            Lane::new(suite, protection, channel_of(setup.station, lane))
        });
        Self {
            core: Core::for_port(config, port, peer, source, now).expect("a port"),
            lanes: lanes.collect(),
            setup,
            acknowledged: HashMap::new(),
            random,
        }
    }

    /// Its configuration.
    #[must_use]
    pub const fn setup(&self) -> &StationSetup {
        &self.setup
    }

    /// Takes what the core wants, in the order of its contract.
    pub fn drain(&mut self, now: Duration) -> Output {
        let mut output = Output::default();
        while let Some(event) = self.core.poll_event() {
            output.events.push(event);
        }
        while let Some(command) = self.core.poll_command() {
            self.pass_on(command, now);
        }
        while let Some(transmit) = self.core.poll_transmit() {
            output.handshakes.push(transmit.bytes);
        }
        output
    }

    fn pass_on(&mut self, command: LaneCommand<Macsec>, now: Duration) {
        match command {
            LaneCommand::InstallRx(install) => self.install_rx(install, now),
            LaneCommand::InstallTx(install) => self.install_tx(install, now),
            LaneCommand::RemoveRx { epoch, .. } => {
                self.for_all(now, |_| Order::RemoveRx(epoch));
            }
            LaneCommand::RemoveTx { epoch, .. } => {
                self.for_all(now, |_| Order::RemoveTx(epoch));
            }
            LaneCommand::SendControl { epoch, frame, .. } => {
                let at = now + self.delay();
                self.lanes[0].order(at, Order::Control(epoch, frame));
            }
        }
    }

    fn install_rx(&mut self, install: RxChannelInstall, now: Duration) {
        let (epoch, an) = (install.channels.epoch, install.channels.an);
        let lanes = self.setup.lanes;
        let mut owned: Vec<Vec<_>> = self.lanes.iter().map(|_| Vec::new()).collect();
        for channel in install.into_channels() {
            owned[lanes.owner_of(channel.sender()).index()].push(channel);
        }
        for (place, channels) in owned.into_iter().enumerate() {
            let at = now + self.delay();
            let order = Order::InstallRx {
                epoch,
                an,
                channels,
            };
            self.lanes[place].order(at, order);
        }
    }

    fn install_tx(&mut self, install: TxChannelInstall, now: Duration) {
        let fingerprint = install.keys.fingerprint();
        let direction = install.keys.direction();
        for channel in install.into_channels() {
            let name = KeyName {
                fingerprint,
                direction,
                an: channel.about().an,
                sci: channel.sci(),
            };
            let at = now + self.delay();
            let place = channel.lane().index();
            self.lanes[place].order(at, Order::InstallTx { channel, name });
        }
    }

    fn for_all(&mut self, now: Duration, order: impl Fn(usize) -> Order) {
        for place in 0..self.lanes.len() {
            let at = now + self.delay();
            self.lanes[place].order(at, order(place));
        }
    }

    fn delay(&mut self) -> Duration {
        self.random.between(Duration::ZERO, self.setup.slowness)
    }

    /// Lets the lanes do what is due, and tells the core.
    ///
    /// # Errors
    /// A [`Violation`] of a lane.
    pub fn work(&mut self, at: Duration, now: Now) -> Result<Vec<Deed>, Violation> {
        let mut rest = Vec::new();
        for place in 0..self.lanes.len() {
            for deed in self.lanes[place].work((at, now.instant))? {
                rest.extend(self.tell(deed, now));
            }
        }
        Ok(rest)
    }

    /// Tells the core what is for it; the rest comes back.
    pub fn tell(&mut self, deed: Deed, now: Now) -> Option<Deed> {
        match deed {
            Deed::Event(event) => self.core.handle_lane_event(event, now),
            Deed::Installed(epoch, direction) => {
                let lanes = self.lanes.len();
                let count = self.acknowledged.entry((epoch, direction)).or_default();
                *count += 1;
                if *count == lanes {
                    let event = LaneEvent::Installed { epoch, direction };
                    self.core.handle_lane_event(event, now);
                }
            }
            other => return Some(other),
        }
        None
    }

    /// When a lane has something to do.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.lanes.iter().filter_map(Lane::next_due).min()
    }

    /// The fingerprint under which all lanes send, if it is one.
    #[must_use]
    pub fn sends_under(&self) -> Option<linkveil_crypto::Fingerprint> {
        let mut keys = self.lanes.iter().map(Lane::key);
        let first = keys.next()??.fingerprint;
        keys.all(|key| key.is_some_and(|key| key.fingerprint == first))
            .then_some(first)
    }

    /// Where the core takes the peer to be.
    #[must_use]
    pub fn peer_at(&self) -> Option<MacAddr> {
        self.core.peer_status(PORT_PEER)?.endpoint
    }
}
