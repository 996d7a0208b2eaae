//! What differs between the kinds of link for the control core: where peers are, what handshakes say, and which lanes get
//! what.
//!
//! | | UDP | MACsec port |
//! |---|---|---|
//! | a peer is at | a socket and an address | a station of the link; calls go to the group address |
//! | a peer moves | when a path challenge is answered | when a handshake comes from another station |
//! | a message is | a datagram | a frame of `EtherType` 0x88B5 |
//! | a new epoch | gets an SPI, as many as there are | gets one of four associations as well |

use std::fmt::Debug;
use std::hash::Hash;
use std::time::{Duration, Instant};

use linkveil_crypto::{Psk, Random};
use linkveil_noise::{
    AwaitingResponse, CookieSource, Identity, NoiseError, PqPolicy, ReceivedInitiation, Refusal,
    Remote, ResponseOutcome,
};
use linkveil_sa::{EpochId, Limits, Macsec, Medium, PartialChecksums, PeerId, RxKeys, TxKeys, Udp};
use linkveil_wire::{HandshakeError, Initiation, LaneCount, PortOffer, PortTerms, Response, Spi};

use crate::event::TermsDiffer;

mod port;
mod udp;

/// Whether peers turn up elsewhere under living epochs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Paths {
    /// They do: path challenges find out.
    Move,
    /// Only with a new handshake.
    Fixed,
}

/// Whether an effort to get keys goes on while an own epoch is not settled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Efforts {
    /// It does.
    Overlap,
    /// It waits: of few associations none is to be held by an epoch that is fading behind another one that is.
    OneByOne,
}

/// What a response was found to be, or the attempt as it was before.
pub type Consumed = Result<ResponseOutcome, (AwaitingResponse, NoiseError)>;

/// What an order to install either half of an epoch is made of, whatever the kind of link.
#[derive(Clone, Copy, Debug)]
pub struct Half<M: Transport> {
    /// With whom.
    pub peer: PeerId,
    /// Which epoch.
    pub epoch: EpochId,
    /// The receiver's index.
    pub spi: Spi,
    /// The sender's lanes.
    pub lanes: LaneCount,
    /// What the other side said.
    pub far: M::Far,
    /// Hard limits of each key.
    pub limits: Limits,
    /// The end of all keys.
    pub hard_deadline: Instant,
}

/// A kind of link, for the control core. [`Udp`] and [`Macsec`] are all there are.
pub trait Transport: Medium + sealed::Sealed {
    /// What a node knows of its own end.
    type Terms: Debug;
    /// What the other side said of its end in the handshake.
    type Far: Copy + Debug;
    /// Whose messages belong together.
    type Remote: Copy + Eq + Hash + Debug;
    /// Under what an epoch receives, besides its SPI.
    type Association: Copy + Eq + Debug;
    /// Whether peers turn up elsewhere.
    const PATHS: Paths;
    /// Whether efforts overlap.
    const EFFORTS: Efforts;
    /// How long a displaced epoch still receives.
    const DRAIN: Duration;
    /// How long at least, if its association is needed.
    const DRAIN_LEAST: Duration;

    /// Who is at the other end of a path.
    fn remote(path: Self::Path) -> Self::Remote;
    /// To what a cookie for this path is bound.
    fn source(path: Self::Path) -> CookieSource;
    /// Where to call a peer that was heard on this path.
    fn call_path(path: Self::Path) -> Self::Path;
    /// Where a peer is who answered a call to this path.
    fn path_of(called: Self::Path, far: &Self::Far) -> Self::Path;
    /// What this kind of link needs to know of the other side; `None` if the handshake did not bring it.
    fn far(remote: &Remote) -> Option<Self::Far>;
    /// One of the associations that is not taken.
    fn free_association(taken: impl Fn(Self::Association) -> bool) -> Option<Self::Association>;
    /// What is said of the own end, beside what every node says.
    fn offer(terms: &Self::Terms, association: Self::Association) -> Option<PortOffer>;
    /// How the own end protects frames, where that is to be agreed on.
    fn terms(terms: &Self::Terms) -> Option<PortTerms>;
    /// Whether both ends agree.
    ///
    /// # Errors
    /// How they differ.
    fn check_terms(terms: &Self::Terms, received: &ReceivedInitiation) -> Result<(), TermsDiffer>;

    /// Splits message 1.
    ///
    /// # Errors
    /// Every [`HandshakeError`].
    fn parse_initiation(bytes: &[u8]) -> Result<Initiation<'_>, HandshakeError>;
    /// Splits message 2.
    ///
    /// # Errors
    /// Every [`HandshakeError`].
    fn parse_response(bytes: &[u8]) -> Result<Response<'_>, HandshakeError>;
    /// Reads message 1, which came on this path.
    ///
    /// # Errors
    /// As the functions of crate `noise` have them.
    fn consume_initiation(
        identity: &Identity,
        message: &Initiation<'_>,
        path: Self::Path,
    ) -> Result<ReceivedInitiation, NoiseError>;
    /// Reads message 2, which came on this path.
    ///
    /// # Errors
    /// The attempt, as it was, and why.
    fn consume_response(
        awaiting: AwaitingResponse,
        response: &Response<'_>,
        policy: PqPolicy,
        path: Self::Path,
    ) -> Consumed;
    /// Makes a message 2 that makes no epoch.
    ///
    /// # Errors
    /// As the functions of crate `noise` have them.
    fn create_refusal(
        terms: &Self::Terms,
        received: ReceivedInitiation,
        with: (&Psk, Refusal),
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, NoiseError>;
    /// The message as it is sent.
    fn wrap(terms: &Self::Terms, message: Vec<u8>) -> Vec<u8>;

    /// The order to receive under an epoch.
    fn rx_install(
        terms: &Self::Terms,
        half: Half<Self>,
        keys: (Self::Association, RxKeys),
    ) -> Self::RxInstall;
    /// The order to send under an epoch.
    fn tx_install(
        terms: &Self::Terms,
        half: Half<Self>,
        keys: (PartialChecksums, TxKeys),
    ) -> Self::TxInstall;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Udp {}
    impl Sealed for super::Macsec {}
}
