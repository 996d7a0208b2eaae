//! Datagrams between gateways.

use std::net::SocketAddr;
use std::time::Duration;

use linkveil_crypto::{Psk, Random};
use linkveil_noise::{
    AwaitingResponse, CookieSource, Identity, NoiseError, PqPolicy, ReceivedInitiation, Refusal,
    Remote, consume_initiation,
};
use linkveil_sa::{PartialChecksums, Path, RxInstall, RxKeys, TxInstall, TxKeys, Udp};
use linkveil_wire::{HandshakeError, Initiation, PortOffer, PortTerms, Response};

use super::{Consumed, Efforts, Half, Paths, Transport};
use crate::event::TermsDiffer;
use crate::limits::DRAIN;

impl Transport for Udp {
    type Terms = ();
    type Far = ();
    type Remote = SocketAddr;
    type Association = ();
    const PATHS: Paths = Paths::Move;
    const EFFORTS: Efforts = Efforts::Overlap;
    const DRAIN: Duration = DRAIN;
    const DRAIN_LEAST: Duration = DRAIN;

    fn remote(path: Path) -> SocketAddr {
        path.remote
    }

    fn source(path: Path) -> CookieSource {
        path.remote.into()
    }

    fn call_path(path: Path) -> Path {
        path
    }

    fn path_of(called: Path, (): &()) -> Path {
        called
    }

    fn far(_: &Remote) -> Option<()> {
        Some(())
    }

    /// SPIs tell epochs apart, so there is always room.
    fn free_association(_: impl Fn(()) -> bool) -> Option<()> {
        Some(())
    }

    fn offer((): &(), (): ()) -> Option<PortOffer> {
        None
    }

    fn terms((): &()) -> Option<PortTerms> {
        None
    }

    fn check_terms((): &(), _: &ReceivedInitiation) -> Result<(), TermsDiffer> {
        Ok(())
    }

    fn parse_initiation(bytes: &[u8]) -> Result<Initiation<'_>, HandshakeError> {
        Initiation::parse(bytes)
    }

    fn parse_response(bytes: &[u8]) -> Result<Response<'_>, HandshakeError> {
        Response::parse(bytes)
    }

    fn consume_initiation(
        identity: &Identity,
        message: &Initiation<'_>,
        _: Path,
    ) -> Result<ReceivedInitiation, NoiseError> {
        consume_initiation(identity, message)
    }

    fn consume_response(
        awaiting: AwaitingResponse,
        response: &Response<'_>,
        policy: PqPolicy,
        _: Path,
    ) -> Consumed {
        awaiting.consume_response(response, policy)
    }

    fn create_refusal(
        (): &(),
        received: ReceivedInitiation,
        (psk, refusal): (&Psk, Refusal),
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, NoiseError> {
        received.create_refusal(psk, refusal, random)
    }

    fn wrap((): &(), message: Vec<u8>) -> Vec<u8> {
        message
    }

    fn rx_install((): &(), half: Half<Self>, ((), keys): ((), RxKeys)) -> RxInstall {
        RxInstall {
            peer: half.peer,
            epoch: half.epoch,
            spi: half.spi,
            peer_lanes: half.lanes,
            keys,
            limits: half.limits,
            hard_deadline: half.hard_deadline,
        }
    }

    fn tx_install(
        (): &(),
        half: Half<Self>,
        (partial_checksums, keys): (PartialChecksums, TxKeys),
    ) -> TxInstall {
        TxInstall {
            peer: half.peer,
            epoch: half.epoch,
            spi: half.spi,
            lanes: half.lanes,
            keys,
            limits: half.limits,
            hard_deadline: half.hard_deadline,
            partial_checksums,
        }
    }
}
