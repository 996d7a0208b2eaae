//! A handshake by hand, as initiator.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use linkveil_crypto::{AwsLcMlKem768, Cookie, Psk, StaticSecret, Suite, SystemRandom};
use linkveil_net::clock;
use linkveil_noise::{
    AwaitingResponse, Established, Identity, Offer, PqPolicy, RemotePeer, ResponseOutcome,
    create_initiation,
};
use linkveil_wire::link::{MessageType, message_type};
use linkveil_wire::{CookieReply, HandshakeFlags, InnerMtu, Response, Spi, Timestamp};

use crate::peer::Call;
use crate::timing::PATIENCE;

/// How long one answer is waited for before the call is repeated.
const PAUSE: Duration = Duration::from_secs(1);

/// An initiation and the state that awaits its answer.
///
/// # Panics
///
/// If the gateway's key is not a usable one.
#[must_use]
pub fn initiation(call: &Call, spi: Spi, cookie: Option<&Cookie>) -> (Vec<u8>, AwaitingResponse) {
    let secret = StaticSecret::from_bytes(call.secret.expose());
    let identity = Identity::new(secret, Suite::Aes256Gcm, Arc::new(AwsLcMlKem768));
    let psk = Psk::none();
    let peer = RemotePeer {
        public_key: call.public_key,
        psk: &psk,
    };
    let (seconds, nanoseconds) = clock::wall();
    let offer = Offer {
        timestamp: Timestamp::from_unix(seconds, nanoseconds),
        spi,
        lanes: call.lanes,
        mtu: InnerMtu::new(1424).unwrap(),
        flags: HandshakeFlags::NONE,
        post_quantum: PqPolicy::Required.offer(),
        cookie,
        port: None,
    };
    create_initiation(&identity, &peer, offer, &mut SystemRandom).unwrap()
}

/// Calls until there is an epoch, with a cookie as soon as the gateway gives one.
///
/// # Panics
///
/// If there is none in time.
#[must_use]
pub fn shake_hands(socket: &UdpSocket, call: &Call, spi: Spi) -> Established {
    socket.set_nonblocking(false).unwrap();
    socket.set_read_timeout(Some(PAUSE)).unwrap();
    let (end, mut cookie) = (clock::now() + PATIENCE, None);
    while clock::now() < end {
        let (message, awaiting) = initiation(call, spi, cookie.as_ref());
        socket.send_to(&message, call.remote).unwrap();
        match await_answer(socket, awaiting) {
            Answer::Epoch(established) => return established,
            Answer::Cookie(given) => cookie = Some(given),
            Answer::Nothing => {}
        }
    }
    panic!("no epoch within {} s", PATIENCE.as_secs());
}

/// What came of one initiation.
#[derive(Debug)]
pub enum Answer {
    /// An epoch.
    Epoch(Established),
    /// A cookie, to be used in the next one.
    Cookie(Cookie),
    /// Silence, or nothing that fits.
    Nothing,
}

/// Reads what comes until the socket's timeout.
///
/// # Panics
///
/// If the gateway refuses for a reason that no test wants.
pub fn await_answer(socket: &UdpSocket, mut awaiting: AwaitingResponse) -> Answer {
    let mut buffer = [0; 2048];
    loop {
        let length = match socket.recv(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Answer::Nothing,
            Err(error) => panic!("{error}"),
        };
        let bytes = &buffer[..length];
        match message_type(bytes) {
            Ok(MessageType::Response) => {
                let response = Response::parse(bytes).unwrap();
                match awaiting.consume_response(&response, PqPolicy::Required) {
                    Ok(ResponseOutcome::Established(established)) => {
                        return Answer::Epoch(established);
                    }
                    Ok(ResponseOutcome::Refused(refusal)) => panic!("refused: {refusal:?}"),
                    // An answer to an earlier call.
                    Err((same, _)) => awaiting = same,
                }
            }
            Ok(MessageType::CookieReply) => {
                let reply = CookieReply::parse(bytes).unwrap();
                if let Ok(cookie) = awaiting.consume_cookie_reply(&reply) {
                    return Answer::Cookie(cookie);
                }
            }
            // The gateway's own call, or data.
            _ => {}
        }
    }
}
