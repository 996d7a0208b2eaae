use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::client::{ClientError, call, only_socket_in};
use super::server::{BindError, Server};
use super::*;

const FIRST_TOKEN: Token = Token(100);

/// A gateway that knows one peer and serves until it has answered `answers` clients.
fn serve(path: &Path, answers: usize) {
    let mut poll = Poll::new().unwrap();
    let mut server = Server::bind(path, FIRST_TOKEN).unwrap();
    server.register(poll.registry()).unwrap();
    let mut events = Events::with_capacity(16);
    let mut answered = 0;
    while answered < answers {
        poll.poll(&mut events, Some(Duration::from_secs(10)))
            .unwrap();
        assert!(!events.is_empty(), "the client has gone silent");
        let mut requests = Vec::new();
        for event in &events {
            server.handle_event(event.token(), poll.registry(), now(), &mut requests);
        }
        for (token, request) in requests {
            answered += 1;
            server.respond(token, &answer(request), poll.registry());
        }
    }
}

fn answer(request: Request) -> Response {
    match request {
        Request::Rekey { peer: None } => Response::Rekey(Rekeyed {
            peers: vec!["gw-b".into()],
        }),
        Request::Rekey { peer: Some(name) } => Response::Error(Refusal::new(
            RefusalCode::UnknownPeer,
            format!("no peer {name}"),
        )),
        Request::Status => Response::Status(Box::new(crate::status::tests::sample())),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the server under test needs a current time"
)]
fn now() -> Instant {
    Instant::now()
}

fn socket() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run/gw-a.sock");
    (folder, path)
}

/// Runs `ask` against a gateway that goes away after `answers` answers.
fn with_gateway(answers: usize, ask: impl FnOnce(&Path)) {
    let (_folder, path) = socket();
    thread::scope(|scope| {
        scope.spawn(|| serve(&path, answers));
        while UnixStream::connect(&path).is_err() {
            thread::yield_now();
        }
        ask(&path);
    });
    assert!(
        !path.exists(),
        "the socket's file goes away with the server"
    );
}

#[test]
fn requests_survive_the_round_trip() {
    for request in [
        Request::Status,
        Request::Rekey { peer: None },
        Request::Rekey {
            peer: Some("gw-b".into()),
        },
    ] {
        assert_eq!(decode_request(&encode_request(&request)), Ok(request));
    }
}

#[test]
fn a_request_is_one_line_of_plain_json() {
    let line = encode_request(&Request::Rekey {
        peer: Some("gw-b".into()),
    });
    assert_eq!(
        line,
        "{\"version\":1,\"request\":\"rekey\",\"peer\":\"gw-b\"}\n"
    );
    assert_eq!(
        encode_request(&Request::Status),
        "{\"version\":1,\"request\":\"status\"}\n"
    );
}

#[test]
fn responses_survive_the_round_trip() {
    let refusal = Refusal::new(RefusalCode::UnknownPeer, "no peer \"x\"\n");
    let status = Box::new(crate::status::tests::sample());
    for response in [
        Response::Error(refusal),
        Response::Rekey(Rekeyed { peers: Vec::new() }),
        Response::Status(status),
    ] {
        let line = encode_response(&response);
        assert_eq!(line.matches('\n').count(), 1, "one line");
        assert_eq!(decode_response(&line).unwrap(), response);
    }
}

#[test]
fn bad_requests_get_a_refusal_that_says_why() {
    let refusals: Vec<String> = [
        "",
        "hello",
        "{}",
        "[]",
        "{\"version\":2,\"request\":\"status\"}",
        "{\"version\":1}",
        "{\"version\":1,\"request\":\"dance\"}",
        "{\"version\":1,\"request\":\"rekey\",\"peer\":5}",
    ]
    .iter()
    .map(|line| format!("{line:?}\n  {:?}", decode_request(line).unwrap_err()))
    .collect();
    insta::assert_snapshot!(refusals.join("\n"));
}

#[test]
fn a_gateway_answers_each_client() {
    with_gateway(3, |path| {
        let rekeyed = call(path, &Request::Rekey { peer: None }).unwrap();
        assert_eq!(
            rekeyed,
            Response::Rekey(Rekeyed {
                peers: vec!["gw-b".into()]
            })
        );
        let refused = call(
            path,
            &Request::Rekey {
                peer: Some("gw-x".into()),
            },
        )
        .unwrap();
        assert_eq!(
            refused,
            Response::Error(Refusal::new(RefusalCode::UnknownPeer, "no peer gw-x"))
        );
        let status = call(path, &Request::Status).unwrap();
        assert_eq!(
            status,
            Response::Status(Box::new(crate::status::tests::sample()))
        );
    });
}

#[test]
fn a_request_may_arrive_in_pieces() {
    with_gateway(1, |path| {
        let mut stream = UnixStream::connect(path).unwrap();
        for piece in encode_request(&Request::Status).as_bytes().chunks(7) {
            stream.write_all(piece).unwrap();
            thread::yield_now();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(matches!(decode_response(&answer), Ok(Response::Status(_))));
    });
}

#[test]
fn bad_and_overlong_requests_are_answered_and_hurt_nobody_else() {
    with_gateway(1, |path| {
        for request in ["hello\n".to_owned(), "x".repeat(REQUEST_MAX_BYTES)] {
            let mut stream = UnixStream::connect(path).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let Ok(Response::Error(refusal)) = decode_response(&answer) else {
                panic!("{answer:?}");
            };
            assert_eq!(refusal.code, RefusalCode::BadRequest);
        }
        drop(UnixStream::connect(path).unwrap());
        assert!(call(path, &Request::Rekey { peer: None }).is_ok());
    });
}

#[test]
fn silent_clients_are_cut_off_and_make_room() {
    let (_folder, path) = socket();
    let mut poll = Poll::new().unwrap();
    let mut server = Server::bind(&path, FIRST_TOKEN).unwrap();
    server.register(poll.registry()).unwrap();
    let start = now();
    let mut silent: Vec<_> = (0..20)
        .map(|_| UnixStream::connect(&path).unwrap())
        .collect();
    let mut events = Events::with_capacity(16);
    poll.poll(&mut events, None).unwrap();
    server.handle_event(FIRST_TOKEN, poll.registry(), start, &mut Vec::new());
    let deadline = server.poll_timeout().expect("clients wait");
    server.handle_timeout(deadline - Duration::from_millis(1), poll.registry());
    assert_eq!(server.poll_timeout(), Some(deadline), "nobody is late yet");
    server.handle_timeout(deadline, poll.registry());
    assert!(
        server.poll_timeout() > Some(deadline),
        "the next ones were taken in"
    );
    let mut rest = String::new();
    assert_eq!(
        silent.remove(0).read_to_string(&mut rest).unwrap(),
        0,
        "the first one was cut off"
    );
}

#[test]
fn the_socket_belongs_to_its_owner_alone() {
    let (_folder, path) = socket();
    let _server = Server::bind(&path, FIRST_TOKEN).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_file_of_a_dead_gateway_is_replaced_and_that_of_a_living_one_is_not() {
    let (_folder, path) = socket();
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "closing a listener leaves its file behind");
    let first = Server::bind(&path, FIRST_TOKEN).unwrap();
    assert!(matches!(
        Server::bind(&path, FIRST_TOKEN),
        Err(BindError::InUse(_))
    ));
    drop(first);
    assert!(!path.exists());
}

#[test]
fn a_gateway_that_is_not_there_is_reported() {
    let (_folder, path) = socket();
    assert!(matches!(
        call(&path, &Request::Status),
        Err(ClientError::Unreachable { .. })
    ));
}

#[test]
fn without_an_argument_the_only_socket_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        only_socket_in(folder.path()),
        Err(ClientError::NoSocket(_))
    ));
    std::fs::write(folder.path().join("notes.txt"), "").unwrap();
    std::fs::write(folder.path().join("gw-a.sock"), "").unwrap();
    assert_eq!(
        only_socket_in(folder.path()).unwrap(),
        folder.path().join("gw-a.sock")
    );
    std::fs::write(folder.path().join("gw-b.sock"), "").unwrap();
    let several = only_socket_in(folder.path()).unwrap_err().to_string();
    assert!(
        several.contains("gw-a.sock") && several.contains("gw-b.sock"),
        "{several}"
    );
}
