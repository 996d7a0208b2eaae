//! The binary's commands that need no network: keys, `check`, and what is said when nobody answers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command as Process;

use assert_cmd::Command;

/// Pairs made with `wg pubkey`; the private keys are the bytes 0, 1, 2, ... and so on.
const KEY_PAIRS: [(&str, &str); 3] = [
    (
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8=",
    ),
    (
        "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",
        "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ=",
    ),
    (
        "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=",
        "eaYx7t4b+cmPEgMs3q3Q56B5OY/HhriMyEbsia+FpRo=",
    ),
];

fn linkveil(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("linkveil").expect("the binary is built");
    command
        .args(arguments)
        .env_remove("LINKVEIL_LOG")
        .env_remove("RUST_LOG");
    command
}

fn stdout(command: &mut Command) -> String {
    String::from_utf8(command.assert().success().get_output().stdout.clone()).expect("text")
}

fn failure(command: &mut Command, code: i32) -> String {
    let output = command.assert().code(code).get_output().clone();
    assert!(output.stdout.is_empty(), "errors go to stderr");
    String::from_utf8(output.stderr).expect("text")
}

/// A folder with a key and a configuration that has no fault.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    secret(folder.path(), "gw-a.key", KEY_PAIRS[0].0);
    let config = format!(
        "[node]\nprivate_key_file = \"gw-a.key\"\nlisten = \"192.0.2.1:51840\"\ncontrol_socket = \"gw-a.sock\"\n\
         [[vpc]]\nname = \"blue\"\nvni = 5001\ndevice = \"lv-blue\"\nnetns = \"vpc-a\"\n\
         [[peer]]\nname = \"gw-b\"\npublic_key = \"{}\"\nendpoint = \"192.0.2.2:51840\"\n",
        KEY_PAIRS[1].1
    );
    fs::write(folder.path().join("gw-a.toml"), config).expect("written");
    folder
}

fn secret(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    fs::write(&path, content).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("owned by us");
}

#[test]
fn public_keys_are_those_of_wireguard() {
    for (private, public) in KEY_PAIRS {
        for input in [
            private.to_owned(),
            format!("{private}\n"),
            format!("  {private}\r\n"),
        ] {
            assert_eq!(
                stdout(linkveil(&["pubkey"]).write_stdin(input)),
                format!("{public}\n")
            );
        }
    }
}

#[test]
fn new_keys_are_one_line_of_base64_and_never_the_same() {
    for command in ["genkey", "genpsk"] {
        let [one, other] = [(); 2].map(|()| stdout(&mut linkveil(&[command])));
        assert_eq!((one.len(), one.trim_end().len()), (45, 44), "{command}");
        assert_ne!(one, other);
    }
}

#[test]
fn new_keys_are_interchangeable_with_those_of_wg() {
    let Ok(output) = Process::new("wg").arg("genkey").output() else {
        eprintln!("wg is not installed: nothing to compare with");
        return;
    };
    let theirs = String::from_utf8(output.stdout).expect("text");
    for private in [theirs, stdout(&mut linkveil(&["genkey"]))] {
        let ours = stdout(linkveil(&["pubkey"]).write_stdin(private.clone()));
        let wg = Command::new("wg")
            .arg("pubkey")
            .write_stdin(private)
            .assert()
            .success()
            .get_output()
            .stdout
            .clone();
        assert_eq!(ours.into_bytes(), wg);
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let short = KEY_PAIRS[0].0[..40].to_owned();
    for input in [String::new(), "hello\n".to_owned(), short, "A".repeat(1000)] {
        let error = failure(linkveil(&["pubkey"]).write_stdin(input), 1);
        assert!(error.contains("not a private key"), "{error}");
    }
    let error = failure(
        linkveil(&["pubkey"]).write_stdin([0xff_u8; 32].as_slice()),
        1,
    );
    assert!(error.contains("not a private key"), "{error}");
}

#[test]
fn check_says_what_it_found() {
    let folder = folder();
    let text = stdout(linkveil(&["check", "gw-a.toml"]).current_dir(&folder));
    assert_eq!(text, "gw-a.toml: no problem: node gw-a, 1 VPC, 1 peer\n");
}

#[test]
fn check_and_up_refuse_a_wrong_configuration_with_exit_code_3() {
    let folder = folder();
    let path = folder.path().join("gw-a.toml");
    let wrong = fs::read_to_string(&path)
        .expect("readable")
        .replace("5001", "0")
        .replace("lv-blue", "");
    fs::write(&path, wrong).expect("written");
    for command in ["check", "up"] {
        let error = failure(linkveil(&[command, "gw-a.toml"]).current_dir(&folder), 3);
        for piece in [
            "gw-a.toml:7: [[vpc]] \"blue\" vni = 0",
            "gw-a.toml:8: [[vpc]] \"blue\" device",
            "fix: ",
            "2 problems",
        ] {
            assert!(error.contains(piece), "{piece} in {error}");
        }
    }
    failure(&mut linkveil(&["check", "/nonexistent.toml"]), 3);
}

#[test]
fn only_the_command_line_lets_a_release_build_impair_itself() {
    let folder = folder();
    let path = folder.path().join("gw-a.toml");
    let config = fs::read_to_string(&path).expect("readable");
    fs::write(&path, format!("{config}\n[debug.impair]\nloss = \"5 %\"\n")).expect("written");
    let allowed = &["check", "--allow-debug-impair", "gw-a.toml"];
    stdout(linkveil(allowed).current_dir(&folder));
    let mut plain = linkveil(&["check", "gw-a.toml"]);
    if cfg!(debug_assertions) {
        stdout(plain.current_dir(&folder));
    } else {
        let error = failure(plain.current_dir(&folder), 3);
        for piece in ["[debug.impair]", "fix: ", "--allow-debug-impair"] {
            assert!(error.contains(piece), "{piece} in {error}");
        }
        failure(linkveil(&["up", "gw-a.toml"]).current_dir(&folder), 3);
    }
}

#[test]
fn status_and_rekey_exit_with_4_when_nobody_answers() {
    let folder = folder();
    let path = folder.path().join("gw-a.sock").display().to_string();
    for arguments in [
        vec!["status", "gw-a.toml"],
        vec!["status", "--json", "--socket", &path],
        vec!["rekey", "--config", "gw-a.toml"],
        vec!["rekey", "gw-b", "--socket", &path],
    ] {
        let error = failure(linkveil(&arguments).current_dir(&folder), 4);
        assert!(
            error.contains("gw-a.sock") && error.contains("linkveil up"),
            "{error}"
        );
    }
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for arguments in [
        vec![],
        vec!["down"],
        vec!["check"],
        vec!["status", "a.toml", "--socket", "b"],
        vec!["genkey", "extra"],
    ] {
        let error = failure(&mut linkveil(&arguments), 2);
        assert!(error.contains("Usage"), "{error}");
    }
}

#[test]
fn version_and_help_are_printed() {
    assert_eq!(
        stdout(&mut linkveil(&["--version"])),
        format!("linkveil {}\n", env!("CARGO_PKG_VERSION"))
    );
    let help = stdout(&mut linkveil(&["--help"]));
    for piece in [
        "genkey",
        "pubkey",
        "genpsk",
        "check",
        "up",
        "status",
        "rekey",
        "Exit codes",
    ] {
        assert!(help.contains(piece), "{piece} in {help}");
    }
}

/// The shortest measurement that there is: what it prints, not what it measures.
const HASTE: [&str; 4] = ["--rounds", "1", "--sample", "20us"];

#[test]
fn bench_crypto_prints_every_combination_as_json() {
    let arguments = [&["bench", "crypto", "--json"][..], &HASTE].concat();
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&mut linkveil(&arguments))).expect("JSON");
    assert_eq!(json["bench"], "linkveil bench crypto");
    assert!(json["machine"]["cores"].as_u64().expect("a number") >= 1);
    let rows = json["report"]["rows"].as_array().expect("rows");
    let of = |suite: &str, operation: &str, bytes: u64| {
        let found = rows.iter().find(|row| {
            row["suite"] == suite && row["operation"] == operation && row["bytes"] == bytes
        });
        let time = &found.expect("a row")["nanoseconds_per_packet"];
        assert_eq!(time["samples"].as_array().expect("samples").len(), 1);
        time["median"].as_f64().expect("a number")
    };
    for suite in ["aes-256-gcm", "chacha20-poly1305"] {
        for operation in ["seal", "open"] {
            for bytes in [64, 256, 1_420, 9_000, 16_384] {
                assert!(of(suite, operation, bytes) > 0.0);
            }
        }
    }
}

#[test]
fn bench_writes_a_page_and_prints_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("report.html");
    let page_argument = page.to_str().expect("text");
    let arguments = [
        &["bench", "lane", "--lanes", "1", "--html", page_argument][..],
        &HASTE,
    ]
    .concat();
    let text = stdout(&mut linkveil(&arguments));
    for expected in [
        "Lanes in memory, aes-256-gcm",
        "egress",
        "ingress",
        "2 classify",
        "ns/packet",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let html = fs::read_to_string(&page).expect("the page is there");
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>"));
    assert!(html.contains("<svg"));
}

#[test]
fn a_page_that_cannot_be_written_is_named() {
    let arguments = [
        &["bench", "crypto", "--html", "/no/such/folder/x.html"][..],
        &HASTE,
    ]
    .concat();
    let error = failure(&mut linkveil(&arguments), 1);
    assert!(
        error.contains("cannot write /no/such/folder/x.html: "),
        "{error}"
    );
}

#[test]
fn wrong_bench_arguments_are_refused_before_anything_is_measured() {
    for (arguments, expected) in [
        (&["bench", "crypto", "--sample", "2h"][..], "at most 1m"),
        (
            &["bench", "crypto", "--rounds", "0"],
            "0 is not in 1..=1000",
        ),
        (&["bench", "lane", "--lanes", "65"], "expected 1 to 64"),
        (&["bench", "lane", "--suite", "rot13"], "unknown suite"),
        (
            &["bench", "net", "--peers", "telnet"],
            "possible values: linkveil-poll, linkveil-macsec, wireguard-go",
        ),
        (
            &["bench", "net", "--mtu", "500"],
            "500 is not in 1400..=65535",
        ),
    ] {
        let error = failure(&mut linkveil(arguments), 2);
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn bench_net_says_what_is_missing() {
    let error = failure(
        linkveil(&["bench", "net", "--rounds", "1"]).env("PATH", "/no/such/folder"),
        1,
    );
    if rustix::process::geteuid().is_root() {
        let missing = error.lines().last().expect("a line");
        assert!(missing.contains(": apt install "), "{error}");
    } else {
        assert!(error.contains("run it as root"), "{error}");
    }
}
