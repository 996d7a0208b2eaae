//! Two gateways between queues in memory: lanes, keys and routes as control would give them, without control.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use linkveil_crypto::{Direction, EpochSecret, HandshakeHash, KeyBytes, PostQuantum, Suite};
use linkveil_dataplane::{
    Lane, LaneQueues, PeerForwarding, Pool, PoolEvent, Report, RouteTable, Snapshot, VpcIndex,
    VpcRoutes, build,
};
use linkveil_net::clock;
use linkveil_sa::{
    EpochId, LaneCommand, Limits, PartialChecksums, Path, PeerId, RxInstall, SocketIndex,
    TxInstall, split_epoch,
};
use linkveil_wire::{InnerMtu, LaneCount, Spi, Vni};

use super::queues::{Device, Wire};

const PEER: PeerId = PeerId::new(0);
const EPOCH: EpochId = EpochId::new(1);
/// A day: longer than any measurement.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Inner MTU: the long packets fill it, as a tenant's TCP does. Four bytes less than a path of MTU 1,500 has over IPv4.
const INNER_MTU: u16 = 1_420;

/// The keys of a benchmark protect nothing, so they may be used without end.
const ENDLESS: Limits = Limits {
    packets: u64::MAX / 16,
    bytes: u64::MAX / 16,
    failed_opens: u64::MAX / 16,
};
/// One packet: everything after it is refused at hop 4.
const USED_UP: Limits = Limits {
    packets: 1,
    ..ENDLESS
};

/// A lane of these benchmarks.
pub type MemoryLane = Lane<Device, Wire>;

/// What a gateway holds of the epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keys {
    /// Nothing.
    None,
    /// The sender's half.
    Seal(Suite),
    /// The sender's half, already at its limit.
    SealUsedUp(Suite),
    /// The receiver's half.
    Open(Suite),
}

/// Whether the peer's tenants are those that the packets name. A /24, as a site's network often is: how long a lookup
/// takes depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tenants {
    /// 10.0.0.0/24: [`crate::packets`] come from there and go there.
    There,
    /// 10.0.9.0/24: no packet has anything to do with it.
    Elsewhere,
}

/// One gateway.
#[derive(Debug)]
pub struct Node {
    /// Control's end of the lanes; they end with it.
    pub pool: Pool,
    /// The lanes.
    pub lanes: Vec<MemoryLane>,
}

/// The address of the sending gateway.
///
/// # Panics
///
/// Never: the text is an address.
#[must_use]
pub fn sender_address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 51_840))
}

fn receiver_address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 2], 51_840))
}

impl Node {
    /// A gateway with one lane for each pair of queues.
    ///
    /// # Errors
    ///
    /// What went wrong, in words: no lanes or more than 64, or no descriptors left.
    pub fn new(queues: Vec<(Device, Wire)>, tenants: Tenants, keys: Keys) -> Result<Self, String> {
        let lanes = u8::try_from(queues.len()).ok().and_then(LaneCount::new);
        let lanes = lanes.ok_or("a gateway has 1 to 64 lanes")?;
        let queues = queues.into_iter().map(|(device, wire)| LaneQueues {
            tuns: vec![device],
            udps: vec![wire],
        });
        let remote = match keys {
            Keys::Open(_) => sender_address(),
            Keys::None | Keys::Seal(_) | Keys::SealUsedUp(_) => receiver_address(),
        };
        let snapshot = snapshot(tenants, remote)?;
        let built = build(queues.collect(), &Arc::new(snapshot));
        let (pool, built) = built.map_err(|error| error.to_string())?;
        let mut node = Self { pool, lanes: built };
        if let Some(command) = install(keys, lanes)? {
            node.pool.command(command);
            node.settle()?;
        }
        Ok(node)
    }

    /// Lets every lane carry out what was ordered.
    fn settle(&mut self) -> Result<(), String> {
        self.pool.flush();
        for lane in &mut self.lanes {
            lane.turn(clock::now()).map_err(|error| error.to_string())?;
        }
        while self.pool.poll_event().is_some() {}
        Ok(())
    }

    /// The sums over all lanes.
    ///
    /// # Errors
    ///
    /// A lane that does not answer.
    pub fn report(&mut self) -> Result<Report, String> {
        self.pool.request_report();
        self.pool.flush();
        for lane in &mut self.lanes {
            lane.turn(clock::now()).map_err(|error| error.to_string())?;
        }
        while let Some(event) = self.pool.poll_event() {
            if let PoolEvent::Report(report) = event {
                return Ok(*report);
            }
        }
        Err("a lane does not answer".to_owned())
    }

    /// Checks that packets were dropped for this one reason.
    ///
    /// # Errors
    ///
    /// Which others there were, or that there were none at all.
    pub fn expect_drops(&mut self, reason: &str) -> Result<(), String> {
        let report = self.report()?;
        let dropped: Vec<_> = report
            .drops
            .named()
            .filter(|(_, count)| *count > 0)
            .collect();
        match dropped.as_slice() {
            [(name, _)] if *name == reason => Ok(()),
            others => Err(format!("expected drops as {reason} alone, not {others:?}")),
        }
    }
}

fn snapshot(tenants: Tenants, remote: SocketAddr) -> Result<Snapshot, String> {
    let prefix = match tenants {
        Tenants::There => "10.0.0.0/24",
        Tenants::Elsewhere => "10.0.9.0/24",
    };
    let impossible = |what: &str| format!("impossible {what}");
    let vni = Vni::new(5_001).ok_or_else(|| impossible("VNI"))?;
    let routes = RouteTable::new(vec![VpcRoutes {
        vni,
        routes: vec![(prefix.parse().map_err(|_| impossible("prefix"))?, PEER)],
    }]);
    let peer = PeerForwarding {
        path: Some(Path {
            socket: SocketIndex::FIRST,
            remote,
        }),
        inner_mtu: InnerMtu::new(INNER_MTU).ok_or_else(|| impossible("MTU"))?,
        vpcs: vec![(vni, VpcIndex::new(0))],
    };
    Ok(Snapshot::new(Arc::new(routes), vec![peer]))
}

/// The order that gives a node its keys. Sender and receiver have as many lanes.
fn install(keys: Keys, lanes: LaneCount) -> Result<Option<LaneCommand>, String> {
    let spi = Spi::new(0x0102_0304).ok_or("impossible SPI")?;
    let secret = EpochSecret::derive(
        &HandshakeHash::new([3; 32]),
        &KeyBytes::new([1; 32]),
        &KeyBytes::new([2; 32]),
        None,
    );
    let hard_deadline = clock::now() + LIFETIME;
    let (suite, limits) = match keys {
        Keys::None => return Ok(None),
        Keys::Seal(suite) | Keys::Open(suite) => (suite, ENDLESS),
        Keys::SealUsedUp(suite) => (suite, USED_UP),
    };
    Ok(Some(if let Keys::Open(_) = keys {
        let tx = Direction::ResponderToInitiator;
        LaneCommand::InstallRx(RxInstall {
            peer: PEER,
            epoch: EPOCH,
            spi,
            peer_lanes: lanes,
            keys: split_epoch(secret, suite, PostQuantum::Hybrid, tx).1,
            limits,
            hard_deadline,
        })
    } else {
        let tx = Direction::InitiatorToResponder;
        LaneCommand::InstallTx(TxInstall {
            peer: PEER,
            epoch: EPOCH,
            spi,
            lanes,
            keys: split_epoch(secret, suite, PostQuantum::Hybrid, tx).0,
            limits,
            hard_deadline,
            partial_checksums: PartialChecksums::Accepted,
        })
    }))
}
