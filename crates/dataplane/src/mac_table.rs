//! Where the stations of Ethernet VPCs are: immutable, shared by reference, replaced when control has learned something.

use std::collections::HashMap;
use std::sync::Arc;

use linkveil_sa::PeerId;
use linkveil_wire::MacAddr;

use crate::snapshot::VpcIndex;

/// The side that a station is on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MacOwner {
    /// Behind this node's own device.
    Local,
    /// Behind a peer.
    Peer(PeerId),
}

/// The known stations of all VPCs. An endpoint that changes copies none of it, and a VPC that learns nothing new shares
/// its part with the table before.
#[derive(Clone, Default, Debug)]
pub struct MacTables {
    vpcs: Box<[Arc<VpcMacs>]>,
}

/// The known stations of one VPC. The map's hash has a secret seed, since tenants choose the addresses.
#[derive(Default, Debug)]
pub(crate) struct VpcMacs(pub(crate) HashMap<MacAddr, MacOwner>);

impl MacTables {
    pub(crate) fn new(vpcs: Box<[Arc<VpcMacs>]>) -> Self {
        Self { vpcs }
    }

    /// Where a station of a VPC is; `None` while nobody knows.
    #[must_use]
    #[inline]
    pub fn owner(&self, vpc: VpcIndex, mac: MacAddr) -> Option<MacOwner> {
        self.vpcs.get(vpc.index())?.0.get(&mac).copied()
    }

    pub(crate) fn replace(&mut self, vpc: VpcIndex, macs: VpcMacs) {
        if let Some(slot) = self.vpcs.get_mut(vpc.index()) {
            *slot = Arc::new(macs);
        }
    }
}
