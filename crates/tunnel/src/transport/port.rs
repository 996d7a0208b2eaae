//! MACsec ports: handshakes in frames of `EtherType` 0x88B5 (docs/protocol.md section 18).

use std::time::Duration;

use linkveil_crypto::{Psk, Random};
use linkveil_noise::{
    AwaitingResponse, CookieSource, Identity, NoiseError, PqPolicy, ReceivedInitiation, Refusal,
    Remote, consume_initiation_on_port,
};
use linkveil_sa::{
    Channels, Macsec, PartialChecksums, RxChannelInstall, RxKeys, TxChannelInstall, TxKeys,
};
use linkveil_wire::port::PORT_GROUP;
use linkveil_wire::{
    An, HandshakeError, Initiation, MacAddr, PortFrame, PortOffer, PortTerms, Response,
};

use super::{Consumed, Efforts, Half, Paths, Transport};
use crate::config::PortConfig;
use crate::event::TermsDiffer;
use crate::limits::{PORT_DRAIN, PORT_DRAIN_LEAST};

impl Transport for Macsec {
    type Terms = PortConfig;
    type Far = PortOffer;
    type Remote = MacAddr;
    type Association = An;
    const PATHS: Paths = Paths::Fixed;
    const EFFORTS: Efforts = Efforts::OneByOne;
    const DRAIN: Duration = PORT_DRAIN;
    const DRAIN_LEAST: Duration = PORT_DRAIN_LEAST;

    fn remote(path: MacAddr) -> MacAddr {
        path
    }

    fn source(path: MacAddr) -> CookieSource {
        path.into()
    }

    /// A peer with a new interface is found at the group address, too.
    fn call_path(_: MacAddr) -> MacAddr {
        PORT_GROUP
    }

    fn path_of(_: MacAddr, far: &PortOffer) -> MacAddr {
        far.station
    }

    fn far(remote: &Remote) -> Option<PortOffer> {
        remote.port
    }

    fn free_association(taken: impl Fn(An) -> bool) -> Option<An> {
        An::ALL.into_iter().find(|an| !taken(*an))
    }

    fn offer(port: &PortConfig, an: An) -> Option<PortOffer> {
        Some(PortOffer {
            an,
            terms: port.terms,
            station: port.station,
        })
    }

    fn terms(port: &PortConfig) -> Option<PortTerms> {
        Some(port.terms)
    }

    fn check_terms(port: &PortConfig, received: &ReceivedInitiation) -> Result<(), TermsDiffer> {
        match received.port() {
            Some(theirs) if theirs.terms != port.terms => Err(TermsDiffer {
                ours: port.terms,
                theirs: theirs.terms,
            }),
            _ => Ok(()),
        }
    }

    fn parse_initiation(bytes: &[u8]) -> Result<Initiation<'_>, HandshakeError> {
        Initiation::parse_on_port(bytes)
    }

    fn parse_response(bytes: &[u8]) -> Result<Response<'_>, HandshakeError> {
        Response::parse_on_port(bytes)
    }

    fn consume_initiation(
        identity: &Identity,
        message: &Initiation<'_>,
        path: MacAddr,
    ) -> Result<ReceivedInitiation, NoiseError> {
        consume_initiation_on_port(identity, message, path)
    }

    fn consume_response(
        awaiting: AwaitingResponse,
        response: &Response<'_>,
        policy: PqPolicy,
        path: MacAddr,
    ) -> Consumed {
        awaiting.consume_response_on_port(response, policy, path)
    }

    fn create_refusal(
        port: &PortConfig,
        received: ReceivedInitiation,
        (psk, refusal): (&Psk, Refusal),
        random: &mut dyn Random,
    ) -> Result<Vec<u8>, NoiseError> {
        // It makes no epoch, so no association is meant.
        let own = PortOffer {
            an: An::ALL[0],
            terms: port.terms,
            station: port.station,
        };
        received.create_refusal_on_port(psk, (refusal, own), random)
    }

    fn wrap(port: &PortConfig, message: Vec<u8>) -> Vec<u8> {
        let frame = PortFrame {
            source: port.station,
            message: &message,
        };
        // No handshake message is too long for a frame.
        frame.emit().unwrap_or_default()
    }

    fn rx_install(
        port: &PortConfig,
        half: Half<Self>,
        (an, keys): (An, RxKeys),
    ) -> RxChannelInstall {
        RxChannelInstall {
            channels: channels(port, half, (an, half.far.station)),
            spi: half.spi,
            keys,
        }
    }

    fn tx_install(
        port: &PortConfig,
        half: Half<Self>,
        (_, keys): (PartialChecksums, TxKeys),
    ) -> TxChannelInstall {
        TxChannelInstall {
            channels: channels(port, half, (half.far.an, port.station)),
            keys,
        }
    }
}

/// The channels of the station that sends, under the association number that the receiver chose.
fn channels(port: &PortConfig, half: Half<Macsec>, (an, station): (An, MacAddr)) -> Channels {
    Channels {
        peer: half.peer,
        epoch: half.epoch,
        an,
        station,
        lanes: half.lanes,
        suite: port.terms.suite,
        limits: half.limits,
        hard_deadline: half.hard_deadline,
    }
}
