//! The `[[macsec]]` tables.

use linkveil_macsec::{CipherSuite, Protection, TxForm, Validate};

use super::*;

const NODE: &str = r#"
[node]
name = "gw-a"
private_key_file = "gw-a.key"
lanes = 2
control_socket = "gw-a.sock"
"#;

const NOISE: &str = r#"
[[macsec]]
name = "trunk"
port = "eth1"
device = "lv-trunk"
netns = "vpc-a"
suite = "gcm-aes-xpn-256"
protect = "confidentiality"
sci = "explicit"
replay_window = 1024
validate = "strict"
addresses = ["10.3.0.1/24"]

[macsec.keys]
mode = "noise"
peer_public_key = "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ="
"#;

const STATIC: &str = r#"
[[macsec]]
name = "trunk"
port = "eth1"
device = "lv-trunk"

[macsec.keys]
mode = "static"
tx = { an = 1, key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", pn = 7, ssci = "00000001", salt = "a0a1a2a3a4a5a6a7a8a9aaab" }
rx = [{ sci = "0200000000020001", key = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f", ssci = "00000002", salt = "a0a1a2a3a4a5a6a7a8a9aaab" }]
"#;

fn node_with(table: &str) -> String {
    format!("{NODE}{table}")
}

fn text_of_folder(config: &str) -> String {
    let folder = Folder::with(config);
    fs::set_permissions(folder.config(), fs::Permissions::from_mode(0o600)).unwrap();
    match folder.load() {
        Ok(_) => "accepted\n".to_owned(),
        Err(error) => error
            .to_string()
            .replace(&format!("{}/", folder.0.path().display()), ""),
    }
}

fn one_port(config: &str) -> MacsecPort {
    let folder = Folder::with(&node_with(config));
    fs::set_permissions(folder.config(), fs::Permissions::from_mode(0o600)).unwrap();
    let mut config = folder.load().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.macsec.len(), 1);
    config.macsec.remove(0)
}

/// The refusals of a table with one line of it replaced, one after the other.
fn refused(table: &str, line: &str, replacements: &[&str]) -> String {
    let config = node_with(table);
    assert!(config.contains(&format!("\n{line}\n")), "no line {line}");
    let one = |replacement: &&str| {
        let config = config.replacen(&format!("\n{line}\n"), &format!("\n{replacement}\n"), 1);
        format!("# {replacement}\n{}\n", text_of_folder(&config))
    };
    replacements.iter().map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_node_of_macsec_ports_only_needs_no_address() {
    let port = one_port(NOISE);
    assert_eq!(port.name, "trunk");
    assert_eq!(port.port.as_str(), "eth1");
    assert_eq!(port.suite, CipherSuite::GcmAesXpn256);
    assert_eq!(port.protection, Protection::Confidentiality);
    assert_eq!(port.form, TxForm::Explicit);
    assert_eq!(port.policy.validate, Validate::Strict);
    assert_eq!(port.policy.window.get(), 1024);
    assert_eq!(port.listening, Listening::Own);
    let MacsecKeys::Noise(keys) = port.keys else {
        panic!("{:?}", port.keys)
    };
    assert_eq!(keys.rekey_after, Duration::from_secs(2 * 60 * 60));
}

#[test]
fn what_a_port_does_not_say_has_the_default_of_the_documentation() {
    let bare = NOISE
        .lines()
        .filter(|line| {
            !["suite", "protect", "sci", "replay", "validate", "netns"]
                .iter()
                .any(|key| line.starts_with(key))
        })
        .collect::<Vec<_>>()
        .join("\n");
    let (bare, full) = (one_port(&bare), one_port(NOISE));
    assert_eq!(
        (bare.suite, bare.protection, bare.form, bare.policy),
        (full.suite, full.protection, full.form, full.policy)
    );
    assert_eq!(bare.netns, None);
}

#[test]
fn static_keys_are_read_as_ip_macsec_has_them() {
    let MacsecKeys::Static(keys) = one_port(STATIC).keys else {
        panic!("static")
    };
    assert!(keys.state_file.ends_with("trunk.pn"));
    assert_eq!(keys.reuse, PnReuse::Refused);
    assert_eq!(keys.tx.port_id.get(), 1);
    assert_eq!((keys.tx.key.an.get(), keys.tx.key.first_pn.get()), (1, 7));
    assert_eq!(keys.rx[0].sci.to_string(), "0200000000020001");
    assert_eq!(keys.rx[0].key.an.get(), 0);
    let shown = format!("{keys:?}");
    assert!(!shown.contains("00, 1, 2, 3"), "{shown}");
}

#[test]
fn wrong_ports_are_refused() {
    let lines = [
        ("name = \"trunk\"", ["name = \"a b\"", "# no name"]),
        ("port = \"eth1\"", ["port = \"eth 1\"", "# no port"]),
        ("device = \"lv-trunk\"", ["device = \"\"", "# no device"]),
        (
            "suite = \"gcm-aes-xpn-256\"",
            ["suite = \"aes\"", "suite = 1"],
        ),
        (
            "protect = \"confidentiality\"",
            ["protect = \"none\"", "protect = true"],
        ),
        ("sci = \"explicit\"", ["sci = \"on\"", "sci = 1"]),
        (
            "replay_window = 1024",
            ["replay_window = 16321", "replay_window = -1"],
        ),
        (
            "validate = \"strict\"",
            ["validate = \"off\"", "promiscuous = 1"],
        ),
        (
            "addresses = [\"10.3.0.1/24\"]",
            ["addresses = \"10.3.0.1\"", "adresses = []"],
        ),
        ("mode = \"noise\"", ["mode = \"psk\"", "# no mode"]),
        (
            "peer_public_key = \"NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ=\"",
            [
                "peer_public_key = \"j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8=\"",
                "# no key",
            ],
        ),
    ];
    let all: Vec<String> = lines
        .iter()
        .map(|(line, replacements)| refused(NOISE, line, replacements))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

// A key that stands in the wrong place is a key still.
#[test]
fn wrong_static_keys_are_refused_and_not_quoted() {
    let config = node_with(STATIC);
    let changes = [
        ("an = 1", "an = 4"),
        ("pn = 7", "pn = 0"),
        ("tx = { an", "tx = { port_id = 0, an"),
        ("key = \"0001", "key = \"01"),
        ("key = \"0001", "key = \"zz01"),
        ("key = \"0001", "kye = \"0001"),
        ("ssci = \"00000001\", ", ""),
        ("sci = \"0200000000020001\"", "sci = \"02:00\""),
        ("rx = [{", "rx = [] # [{"),
        ("tx = { an", "tx = 7 # { an"),
        (
            "device = \"lv-trunk\"",
            "device = \"lv-trunk\"\nsuite = \"gcm-aes-128\"",
        ),
        (
            "device = \"lv-trunk\"",
            "device = \"lv-trunk\"\nsuite = \"gcm-aes-256\"",
        ),
        (
            "mode = \"static\"",
            "mode = \"static\"\nunsafe_reuse_pn = \"yes\"",
        ),
        ("mode = \"static\"", "mode = \"static\"\nstate_file = \"\""),
    ];
    let one = |(from, to): &(&str, &str)| {
        assert!(config.contains(from), "{from}");
        let text = text_of_folder(&config.replacen(from, to, 1));
        assert!(
            !text.contains("02030405") && !text.contains("22232425"),
            "{text}"
        );
        format!("# {to}\n{text}\n")
    };
    let all: Vec<String> = changes.iter().map(one).collect();
    insta::assert_snapshot!(all.join("\n"));
}

// REQ-SECY-23
#[test]
fn one_key_with_one_ssci_in_both_directions_is_refused() {
    let rx = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
    let tx = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let same_key = node_with(STATIC).replace(rx, tx);
    assert_eq!(text_of_folder(&same_key), "accepted\n");
    let same_ssci = same_key.replace("00000002", "00000001");
    insta::assert_snapshot!(text_of_folder(&same_ssci));
}

#[test]
fn a_file_with_keys_in_it_that_others_can_read_is_refused() {
    let folder = Folder::with(&node_with(STATIC));
    fs::set_permissions(folder.config(), fs::Permissions::from_mode(0o644)).unwrap();
    insta::assert_snapshot!(folder.refusal());
}

#[test]
fn ports_must_differ_in_name_port_and_device() {
    let config = format!("{GOOD}{NOISE}{NOISE}");
    insta::assert_snapshot!(text_of_folder(&config));
    let clash = format!("{GOOD}{NOISE}")
        .replace("name = \"trunk\"", "name = \"gw-b\"")
        .replace("lv-trunk", "lv-blue");
    insta::assert_snapshot!(text_of_folder(&clash));
}

#[test]
fn tunnels_need_an_address() {
    let config = format!("{GOOD}{NOISE}").replace("listen = \"192.0.2.1:51840\"\n", "");
    insta::assert_snapshot!(text_of_folder(&config));
    insta::assert_snapshot!(text_of_folder(NODE));
}
