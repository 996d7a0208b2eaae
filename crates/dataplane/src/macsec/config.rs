//! What a port is, for its whole life.

use std::io;

use linkveil_macsec::{
    CipherSuite, PortMtu, Protection, RxPolicy, TxConfig, TxConfigError, TxForm,
};
use linkveil_net::{PORT_FRAME_LEN, PORT_MTU_MAX};
use linkveil_sa::PeerId;
use linkveil_wire::{Lane, LaneCount, MacAddr, PortId, Sci};

/// The largest MTU that is used, in octets: what queues of ports have room for.
#[expect(clippy::cast_possible_truncation, reason = "below 65,536")]
pub const LONGEST_MTU: u16 = PORT_MTU_MAX as u16;
const _: () = assert!(PORT_MTU_MAX <= u16::MAX as usize && PORT_MTU_MAX + 14 <= PORT_FRAME_LEN);

/// What all lanes of a port have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MacsecConfig {
    /// Who is at the other end, as events for control name it.
    pub peer: PeerId,
    /// The suite of all keys.
    pub suite: CipherSuite,
    /// The port's own address: that of its channels, and the source of its link control frames.
    pub address: MacAddr,
    /// The port id of lane 0's channel; the other lanes' follow.
    pub first_port: PortId,
    /// How frames tell their channel. Only [`TxForm::Explicit`] goes with several lanes.
    pub form: TxForm,
    /// What is done with user data.
    pub protection: Protection,
    /// How long a secured frame may be: this and an Ethernet header. Of more than [`LONGEST_MTU`] the rest is left alone.
    pub mtu: PortMtu,
    /// How received frames are treated.
    pub policy: RxPolicy,
}

/// Why there are no such lanes.
#[derive(Debug, thiserror::Error)]
pub enum MacsecBuildError {
    /// A port has 1 to 64 lanes.
    #[error("a MACsec port has 1 to 64 lanes")]
    LaneCount,
    /// Several lanes, and frames do not tell their channel.
    #[error("several MACsec lanes need an explicit SCI")]
    ImpliedSci,
    /// The last lane's port id is beyond 65,535.
    #[error("port ids of the MACsec lanes do not fit 16 bits")]
    PortId,
    /// The channel is impossible.
    #[error(transparent)]
    Channel(#[from] TxConfigError),
    /// No descriptors left for wakers.
    #[error("cannot make a waker: {0}")]
    Waker(#[from] io::Error),
}

impl MacsecConfig {
    /// The channel on which this lane sends.
    ///
    /// # Errors
    /// [`MacsecBuildError::PortId`].
    pub fn sci(&self, lane: Lane) -> Result<Sci, MacsecBuildError> {
        let port = self.first_port.get().checked_add(lane.get().into());
        let port = port.ok_or(MacsecBuildError::PortId)?;
        Ok(Sci::new(self.address, PortId::new(port)))
    }

    pub(crate) fn tx(&self, lane: Lane) -> Result<TxConfig, MacsecBuildError> {
        Ok(TxConfig {
            suite: self.suite,
            sci: self.sci(lane)?,
            form: self.form,
            protection: self.protection,
            mtu: PortMtu::new(self.mtu.get().min(LONGEST_MTU)),
        })
    }
}

/// Place of the lane to which the port gives the frames of a channel.
pub(crate) fn owner(sci: Sci, lanes: LaneCount) -> usize {
    let lanes = usize::from(lanes.get());
    (usize::from(sci.port().get()) + lanes - 1) % lanes
}
