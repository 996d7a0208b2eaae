use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;

/// Private keys of 0, 1, 2, ..., 32, 33, ... and 64, 65, ...; public ones as `wg pubkey` prints them.
const OWN_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OWN_PUBLIC: &str = "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8=";
const PSK_A: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";
const PSK_B: &str = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=";

pub(crate) const GOOD: &str = r#"
[node]
name = "gw-a"
private_key_file = "gw-a.key"
listen = "192.0.2.1:51840"
lanes = 2
control_socket = "gw-a.sock"

[crypto]
suite = "aes-256-gcm"
rekey_after = "2h"
post_quantum = "required"

[[vpc]]
name = "blue"
vni = 5001
device = "lv-blue"
netns = "vpc-a"
kind = "l3"
addresses = ["10.1.0.1/24", "2001:db8:1::1/64"]
mtu = "auto"

[[peer]]
name = "gw-b"
public_key = "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ="
endpoint = "192.0.2.2:51840"
psk_files = []
[[peer.vpc]]
name = "blue"
vni = 6001
prefixes = ["10.2.0.0/24", "2001:db8:2::/64"]
"#;

pub(crate) const SECOND_VPC: &str = r#"
[[vpc]]
name = "red"
vni = 5002
device = "lv-red"
netns = "vpc-r"
"#;

pub(crate) const SECOND_PEER: &str = r#"
[[peer]]
name = "gw-c"
public_key = "eaYx7t4b+cmPEgMs3q3Q56B5OY/HhriMyEbsia+FpRo="
endpoint = "192.0.2.3:51840"
[[peer.vpc]]
name = "blue"
prefixes = ["10.3.0.0/24"]
"#;

const FOUR_LANES: Surroundings = Surroundings {
    default_lanes: LaneCount::new(4).unwrap(),
    debug_impair: DebugImpair::Allowed,
};

/// A folder with a configuration and its key files.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(config: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.secret("gw-a.key", OWN_KEY, 0o600);
        folder.secret("a.psk", PSK_A, 0o600);
        folder.secret("b.psk", PSK_B, 0o400);
        fs::write(folder.config(), config).unwrap();
        folder
    }

    fn secret(&self, name: &str, content: &str, mode: u32) {
        let path = self.0.path().join(name);
        fs::write(&path, format!("{content}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.0.path().join("gw-a.toml")
    }

    fn load(&self) -> Result<Config, ConfigError> {
        Config::load(&self.config(), FOUR_LANES)
    }

    /// The text of the refusal, without this folder's random name.
    fn refusal(&self) -> String {
        let text = self
            .load()
            .expect_err("the configuration has a fault")
            .to_string();
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

pub(crate) fn load(config: &str) -> Config {
    Folder::with(config)
        .load()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(config: &str) -> String {
    Folder::with(config).refusal()
}

/// `GOOD` with one line of it replaced; the line must exist.
fn good_with(line: &str, replacement: &str) -> String {
    let count = GOOD.lines().filter(|l| *l == line).count();
    assert!(count >= 1, "no line {line}");
    GOOD.replacen(&format!("\n{line}\n"), &format!("\n{replacement}\n"), 1)
}

/// The refusals of `GOOD` with one line replaced, one after the other.
fn refusals(line: &str, replacements: &[&str]) -> String {
    let one = |replacement: &&str| {
        format!(
            "# {replacement}\n{}\n",
            refusal(&good_with(line, replacement))
        )
    };
    replacements.iter().map(one).collect::<Vec<_>>().join("\n")
}

macro_rules! assert_refusals {
    ($line:expr, [$($replacement:expr),+ $(,)?]) => {
        insta::assert_snapshot!(refusals($line, &[$($replacement),+]));
    };
}

mod debug;
mod macsec;

#[test]
fn every_key_reaches_the_checked_configuration() {
    let config = load(GOOD);
    assert_eq!(config.node.name, "gw-a");
    assert_eq!(config.node.private_key.public().to_string(), OWN_PUBLIC);
    assert_eq!(config.node.listen, ["192.0.2.1:51840".parse().unwrap()]);
    assert_eq!(config.node.lanes.get(), 2);
    assert!(config.node.control_socket.ends_with("gw-a.sock"));
    assert_eq!(config.crypto.suite, Suite::Aes256Gcm);
    assert_eq!(config.crypto.rekey_after, Duration::from_secs(7200));
    assert_eq!(config.crypto.post_quantum, PqPolicy::Required);
    let vpc = &config.vpcs[0];
    assert_eq!(
        (vpc.name.as_str(), vpc.vni.get(), vpc.device.as_str()),
        ("blue", 5001, "lv-blue")
    );
    assert_eq!(
        vpc.netns.as_ref().unwrap().path(),
        Path::new("/run/netns/vpc-a")
    );
    assert_eq!(
        vpc.addresses,
        [
            "10.1.0.1/24".parse().unwrap(),
            "2001:db8:1::1/64".parse().unwrap()
        ]
    );
    assert_eq!(vpc.mtu, VpcMtu::Auto);
    let peer = &config.peers[0];
    assert_eq!(peer.name, "gw-b");
    assert_eq!(peer.endpoint, Some("192.0.2.2:51840".parse().unwrap()));
    assert_eq!((peer.vpcs[0].vpc, peer.vpcs[0].wire_vni.get()), (0, 6001));
    assert_eq!(
        peer.vpcs[0].prefixes,
        [
            "10.2.0.0/24".parse().unwrap(),
            "2001:db8:2::/64".parse().unwrap()
        ]
    );
}

#[test]
fn what_is_left_out_has_a_default() {
    let config = load(
        r#"
        node.private_key_file = "gw-a.key"
        node.listen = ["192.0.2.1:51840", "[2001:db8::1]:51840"]
        [[vpc]]
        name = "blue"
        vni = 5001
        device = "lv-blue"
        [[peer]]
        public_key = "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ="
        [[peer.vpc]]
        "#,
    );
    assert_eq!(config.node.name, "gw-a", "the file's name");
    assert_eq!(config.node.listen.len(), 2);
    assert_eq!(config.node.lanes.get(), 4, "one for each core");
    assert_eq!(
        config.node.control_socket,
        Path::new("/run/linkveil/gw-a.sock")
    );
    assert_eq!(config.crypto.suite, Suite::Aes256Gcm);
    assert_eq!(config.crypto.rekey_after, Duration::from_secs(7200));
    assert_eq!(config.crypto.post_quantum, PqPolicy::Required);
    let vpc = &config.vpcs[0];
    assert_eq!(
        (vpc.netns.is_none(), vpc.addresses.len(), vpc.mtu),
        (true, 0, VpcMtu::Auto)
    );
    let peer = &config.peers[0];
    assert_eq!(peer.name, "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ=");
    assert_eq!(peer.endpoint, None);
    assert_eq!(peer.vpcs[0].vpc, 0, "the only VPC need not be named");
    assert_eq!(peer.vpcs[0].wire_vni.get(), 5001, "the peer uses our VNI");
    assert_eq!(peer.vpcs[0].prefixes.len(), 0);
}

#[test]
fn nested_prefixes_of_two_peers_are_allowed() {
    let config = load(&good_with(
        "prefixes = [\"10.2.0.0/24\", \"2001:db8:2::/64\"]",
        &format!("prefixes = [\"10.3.0.0/16\"]\n{SECOND_PEER}"),
    ));
    assert_eq!(config.peers.len(), 2);
}

#[test]
fn one_peer_may_be_given_a_default_route_in_a_namespace_of_its_own() {
    let config = load(&good_with(
        "prefixes = [\"10.2.0.0/24\", \"2001:db8:2::/64\"]",
        "prefixes = [\"0.0.0.0/0\", \"::/0\"]",
    ));
    assert_eq!(config.peers[0].vpcs[0].prefixes.len(), 2);
}

#[test]
fn two_vpcs_may_have_the_same_addresses_and_prefixes_in_different_namespaces() {
    let red = SECOND_VPC.replace("netns", "addresses = [\"10.1.0.1/24\"]\nnetns");
    let part = "[[peer.vpc]]\nname = \"red\"\nprefixes = [\"10.2.0.0/24\"]\n";
    let config = load(&format!("{}{part}{red}", GOOD));
    assert_eq!(config.vpcs[0].addresses[0], config.vpcs[1].addresses[0]);
    assert_eq!(
        config.peers[0].vpcs[0].prefixes[0],
        config.peers[0].vpcs[1].prefixes[0]
    );
}

#[test]
fn the_control_socket_is_found_without_the_key_files() {
    let folder = Folder::with(GOOD);
    fs::remove_file(folder.0.path().join("gw-a.key")).unwrap();
    let path = Config::control_socket_of(&folder.config()).unwrap();
    assert_eq!(path, folder.0.path().join("gw-a.sock"));
}

#[test]
fn all_problems_of_a_file_are_reported_at_once_in_the_order_of_its_lines() {
    insta::assert_snapshot!(refusal(
        r#"
[nod]
[node]
private_key = "gw-a.key"
listen = 51840
lanes = "two"

[crypto]
suite = "des"

[[vpc]]
vni = 0
device = "a-name-of-16-byte"

[[peer]]
public_key = "abc"
[[peer.vpc]]
name = "green"
prefixes = ["10.2.0.1/24", "10.3.0.0"]
"#
    ));
}

#[test]
fn an_empty_file_misses_the_two_keys_without_a_default() {
    insta::assert_snapshot!(refusal(""));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nonexistent/gw.toml"), FOUR_LANES).unwrap_err();
    insta::assert_snapshot!(error.to_string());
}

#[test]
fn syntax_errors_name_their_line() {
    insta::assert_snapshot!(
        [
            refusal("[node\nlisten = 1"),
            refusal("[node]\nname = \"a\"\nname = \"b\"\n")
        ]
        .join("\n\n")
    );
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known_one() {
    let in_node = good_with("lanes = 2", "lane = 2\nthreads = 2");
    let in_crypto = good_with("suite = \"aes-256-gcm\"", "sweet = \"aes-256-gcm\"");
    let in_vpc = good_with("kind = \"l3\"", "bridge = { name = \"br0\" }");
    let in_peer = good_with("psk_files = []", "psk_file = []");
    let in_part = good_with("vni = 6001", "vnis = 6001");
    insta::assert_snapshot!(
        [in_node, in_crypto, in_vpc, in_peer, in_part]
            .map(|text| refusal(&text))
            .join("\n\n")
    );
}

#[test]
fn wrong_names_are_refused() {
    assert_refusals!(
        "name = \"gw-a\"",
        [
            "name = \"\"",
            "name = \"gw a\"",
            "name = \"../gw\"",
            "name = 7",
            &format!("name = \"{}\"", "n".repeat(65))
        ]
    );
}

#[test]
fn wrong_private_key_files_are_refused() {
    assert_refusals!(
        "private_key_file = \"gw-a.key\"",
        [
            "private_key_file = \"missing.key\"",
            "private_key_file = 1",
            "private_key_file = \".\""
        ]
    );
}

#[test]
fn key_files_that_others_can_read_are_refused() {
    let folder = Folder::with(&good_with("psk_files = []", "psk_files = [\"a.psk\"]"));
    folder.secret("gw-a.key", OWN_KEY, 0o640);
    folder.secret("a.psk", PSK_A, 0o604);
    insta::assert_snapshot!(folder.refusal());
}

#[test]
fn key_files_without_one_key_in_them_are_refused_and_not_quoted() {
    let folder = Folder::with(&good_with(
        "psk_files = []",
        "psk_files = [\"a.psk\", \"b.psk\"]",
    ));
    folder.secret("gw-a.key", &OWN_KEY[..40], 0o600);
    folder.secret("a.psk", "", 0o600);
    folder.secret("b.psk", &"A".repeat(300), 0o600);
    let refusal = folder.refusal();
    assert!(!refusal.contains(&OWN_KEY[..8]));
    insta::assert_snapshot!(refusal);
}

#[test]
fn wrong_listen_addresses_are_refused() {
    assert_refusals!(
        "listen = \"192.0.2.1:51840\"",
        [
            "listen = \"192.0.2.1\"",
            "listen = \"gw-a.example:51840\"",
            "listen = \"192.0.2.1:0\"",
            "listen = \"2001:db8::1:51840x\"",
            "listen = \"224.0.0.1:51840\"",
            "listen = []",
            "listen = [\"192.0.2.1:51840\", \"192.0.2.1:51840\"]",
            "listen = [\"192.0.2.1:51840\", 51841]",
            "listen = { port = 51840 }",
        ]
    );
}

#[test]
fn wrong_lane_counts_are_refused() {
    assert_refusals!(
        "lanes = 2",
        [
            "lanes = 0",
            "lanes = 65",
            "lanes = -1",
            "lanes = \"2\"",
            "lanes = 1.5"
        ]
    );
}

#[test]
fn wrong_control_sockets_are_refused() {
    let long = format!("control_socket = \"/run/{}.sock\"", "s".repeat(100));
    assert_refusals!(
        "control_socket = \"gw-a.sock\"",
        ["control_socket = \"\"", "control_socket = \"/\"", &long]
    );
}

#[test]
fn wrong_suites_are_refused() {
    assert_refusals!(
        "suite = \"aes-256-gcm\"",
        ["suite = \"aes-128-gcm\"", "suite = 256"]
    );
}

#[test]
fn wrong_rekey_times_are_refused() {
    assert_refusals!(
        "rekey_after = \"2h\"",
        [
            "rekey_after = \"59s\"",
            "rekey_after = \"25h\"",
            "rekey_after = \"two hours\"",
            "rekey_after = 7200",
            "rekey_after = \"7200\""
        ]
    );
}

#[test]
fn the_ends_of_the_rekey_range_are_accepted() {
    for (text, seconds) in [("60s", 60), ("1m", 60), ("1h 30m", 5400), ("24h", 86_400)] {
        let config = load(&good_with(
            "rekey_after = \"2h\"",
            &format!("rekey_after = \"{text}\""),
        ));
        assert_eq!(config.crypto.rekey_after.as_secs(), seconds);
    }
}

#[test]
fn wrong_post_quantum_policies_are_refused() {
    assert_refusals!(
        "post_quantum = \"required\"",
        ["post_quantum = \"maybe\"", "post_quantum = true"]
    );
}

#[test]
fn devices_do_what_they_can_and_lanes_sleep_unless_told_otherwise() {
    let lanes = "lanes = 2";
    let with = |lines: &str| {
        let node = load(&good_with(lanes, &format!("{lanes}\n{lines}"))).node;
        (node.offload, node.busy_poll)
    };
    assert_eq!(with(""), (Offloads::TcpAndUdp, Duration::ZERO));
    let plain = "offload = \"off\"\nbusy_poll = \"off\"";
    assert_eq!(with(plain), (Offloads::None, Duration::ZERO));
    let eager = "offload = \"auto\"\nbusy_poll = \"50us\"";
    assert_eq!(
        with(eager),
        (Offloads::TcpAndUdp, Duration::from_micros(50))
    );
}

#[test]
fn wrong_offload_and_busy_poll_are_refused() {
    assert_refusals!(
        "lanes = 2",
        [
            "offload = \"some\"",
            "offload = false",
            "busy_poll = \"11ms\"",
            "busy_poll = \"a while\"",
            "busy_poll = 50"
        ]
    );
}

#[test]
fn peers_follow_and_stay_silent_unless_told_otherwise() {
    let endpoint = "endpoint = \"192.0.2.2:51840\"";
    let with = |lines: &str| {
        let config = load(&good_with(endpoint, &format!("{endpoint}\n{lines}")));
        (config.peers[0].roaming, config.peers[0].keepalive)
    };
    assert_eq!(with(""), (Roaming::Follow, Keepalive::Off));
    let chosen = "roaming = \"follow\"\nkeepalive = \"off\"";
    assert_eq!(with(chosen), (Roaming::Follow, Keepalive::Off));
    for (text, seconds) in [("1s", 1), ("25s", 25), ("1h", 3_600)] {
        let lines = format!("roaming = \"pin\"\nkeepalive = \"{text}\"");
        let every = Keepalive::Every(Duration::from_secs(seconds));
        assert_eq!(with(&lines), (Roaming::Pin, every));
    }
}

#[test]
fn wrong_roaming_and_keepalive_are_refused() {
    assert_refusals!(
        "endpoint = \"192.0.2.2:51840\"",
        [
            "endpoint = \"192.0.2.2:51840\"\nroaming = \"sometimes\"",
            "endpoint = \"192.0.2.2:51840\"\nroaming = true",
            "roaming = \"pin\"",
            "keepalive = \"0s\"",
            "keepalive = \"61m\"",
            "keepalive = \"soon\"",
            "keepalive = 25"
        ]
    );
}

#[test]
fn wrong_vnis_are_refused() {
    assert_refusals!(
        "vni = 5001",
        [
            "vni = 0",
            "vni = 16777216",
            "vni = -5",
            "vni = \"5001\"",
            "vni = 99999999999999999999"
        ]
    );
}

#[test]
fn wrong_device_names_are_refused() {
    assert_refusals!(
        "device = \"lv-blue\"",
        [
            "device = \"\"",
            "device = \"sixteen-bytes-xx\"",
            "device = \"lv blue\"",
            "device = \"lv%d\"",
            "device = \"a/b\"",
            "device = \"..\""
        ]
    );
}

#[test]
fn wrong_namespaces_are_refused() {
    assert_refusals!(
        "netns = \"vpc-a\"",
        [
            "netns = \"\"",
            "netns = \"a/b\"",
            "netns = \"..\"",
            "netns = 4"
        ]
    );
}

#[test]
fn wrong_kinds_are_refused() {
    assert_refusals!("kind = \"l3\"", ["kind = \"l4\"", "kind = 3"]);
}

#[test]
fn an_ethernet_vpc_has_no_prefixes() {
    let bridged = good_with("kind = \"l3\"", "kind = \"l2\"");
    insta::assert_snapshot!(refusal(&bridged));
    let good = bridged.replace("prefixes = [\"10.2.0.0/24\", \"2001:db8:2::/64\"]\n", "");
    let config = load(&good);
    assert_eq!(config.vpcs[0].kind, VpcKind::L2);
    assert_eq!(config.vpcs[0].addresses.len(), 2, "the gateway's own");
    assert_eq!(
        config.peers[0].vpcs[0].wire_vni,
        Vni::new(6001).unwrap(),
        "it takes part"
    );
    assert_eq!(load(GOOD).vpcs[0].kind, VpcKind::L3);
    let by_default = GOOD.replace("kind = \"l3\"\n", "");
    assert_eq!(load(&by_default).vpcs[0].kind, VpcKind::L3);
}

#[test]
fn wrong_inner_addresses_are_refused() {
    assert_refusals!(
        "addresses = [\"10.1.0.1/24\", \"2001:db8:1::1/64\"]",
        [
            "addresses = \"10.1.0.1/24\"",
            "addresses = [\"10.1.0.1\"]",
            "addresses = [\"10.1.0.0/24\"]",
            "addresses = [\"10.1.0.255/24\"]",
            "addresses = [\"2001:db8:1::/64\"]",
            "addresses = [\"10.1.0.1/33\"]",
            "addresses = [\"0.0.0.0/0\"]",
            "addresses = [\"224.0.0.5/4\"]",
            "addresses = [\"10.1.0.1/24\", \"10.1.0.1/16\"]",
        ]
    );
}

#[test]
fn wrong_mtus_are_refused() {
    assert_refusals!(
        "mtu = \"auto\"",
        [
            "mtu = \"big\"",
            "mtu = 1279",
            "mtu = 65440",
            "mtu = -1",
            "mtu = true"
        ]
    );
}

#[test]
fn vpcs_must_differ_in_name_vni_and_device() {
    let same_name = SECOND_VPC.replace("\"red\"", "\"blue\"");
    let same_vni = SECOND_VPC.replace("5002", "5001");
    let same_device = SECOND_VPC
        .replace("lv-red", "lv-blue")
        .replace("vpc-r", "vpc-a");
    let same_address = SECOND_VPC.replace("\"vpc-r\"", "\"vpc-a\"\naddresses = [\"10.1.0.1/32\"]");
    let nameless = SECOND_VPC
        .replace("name = \"red\"", "")
        .replace("vni = 5002", "")
        .replace("device = \"lv-red\"", "");
    let all = [same_name, same_vni, same_device, same_address, nameless];
    insta::assert_snapshot!(all.map(|vpc| refusal(&format!("{GOOD}{vpc}"))).join("\n\n"));
}

#[test]
fn a_device_name_may_repeat_in_another_namespace() {
    let config = load(&format!(
        "{GOOD}{}",
        SECOND_VPC.replace("lv-red", "lv-blue")
    ));
    assert_eq!(config.vpcs[0].device, config.vpcs[1].device);
}

#[test]
fn peers_must_differ_in_name_key_and_endpoint() {
    let same_name = SECOND_PEER.replace("gw-c", "gw-b");
    let same_key = SECOND_PEER.replace(
        "eaYx7t4b+cmPEgMs3q3Q56B5OY/HhriMyEbsia+FpRo=",
        "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ=",
    );
    let same_endpoint = SECOND_PEER.replace("192.0.2.3", "192.0.2.2");
    let all = [same_name, same_key, same_endpoint];
    insta::assert_snapshot!(
        all.map(|peer| refusal(&format!("{GOOD}{peer}")))
            .join("\n\n")
    );
}

#[test]
fn wrong_public_keys_are_refused() {
    assert_refusals!(
        "public_key = \"NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ=\"",
        [
            "",
            "public_key = \"NYBy1jZYgNGu\"",
            "public_key = 5",
            &format!("public_key = \"{OWN_PUBLIC}\"")
        ]
    );
}

#[test]
fn wrong_endpoints_are_refused() {
    assert_refusals!(
        "endpoint = \"192.0.2.2:51840\"",
        [
            "endpoint = \"192.0.2.2\"",
            "endpoint = \"gw-b.example:51840\"",
            "endpoint = \"192.0.2.2:0\"",
            "endpoint = \"0.0.0.0:51840\"",
            "endpoint = \"255.255.255.255:51840\"",
            "endpoint = \"[ff02::1]:51840\"",
            "endpoint = \"192.0.2.1:51840\"",
            "endpoint = \"[2001:db8::2]:51840\"",
        ]
    );
}

#[test]
fn an_ipv4_endpoint_needs_an_ipv4_listen_address() {
    insta::assert_snapshot!(refusal(&good_with(
        "listen = \"192.0.2.1:51840\"",
        "listen = \"[::]:51840\""
    )));
}

#[test]
fn wrong_psk_files_are_refused() {
    assert_refusals!(
        "psk_files = []",
        [
            "psk_files = \"a.psk\"",
            "psk_files = [\"a.psk\", \"a.psk\"]",
            "psk_files = [\"a.psk\", \"b.psk\", \"c.psk\"]",
            "psk_files = [\"missing.psk\"]",
            "psk_files = [1]",
        ]
    );
}

#[test]
fn one_or_two_psk_files_are_accepted() {
    load(&good_with("psk_files = []", "psk_files = [\"a.psk\"]"));
    load(&good_with(
        "psk_files = []",
        "psk_files = [\"a.psk\", \"b.psk\"]",
    ));
}

#[test]
fn wrong_prefixes_are_refused() {
    assert_refusals!(
        "prefixes = [\"10.2.0.0/24\", \"2001:db8:2::/64\"]",
        [
            "prefixes = \"10.2.0.0/24\"",
            "prefixes = [\"10.2.0.1/24\"]",
            "prefixes = [\"2001:db8:2::1/64\"]",
            "prefixes = [\"10.2.0.5\"]",
            "prefixes = [\"ten\"]",
            "prefixes = [\"224.0.0.0/4\"]",
            "prefixes = [\"10.2.0.0/24\", \"10.2.0.0/24\"]",
            "prefixes = [\"10.1.0.0/24\"]",
            "prefixes = [\"10.1.0.1/32\"]",
            "prefixes = [24]",
        ]
    );
}

#[test]
fn the_same_prefix_at_two_peers_is_refused() {
    insta::assert_snapshot!(refusal(&format!(
        "{GOOD}{}",
        SECOND_PEER.replace("10.3.0.0", "10.2.0.0")
    )));
}

#[test]
fn the_same_prefix_in_two_vpcs_of_one_namespace_is_refused() {
    let red = SECOND_VPC.replace("vpc-r", "vpc-a");
    let part = "[[peer.vpc]]\nname = \"red\"\nprefixes = [\"10.2.0.0/24\"]\n";
    insta::assert_snapshot!(refusal(&format!("{GOOD}{part}{red}")));
}

#[test]
fn parts_of_a_peer_must_name_different_vpcs_with_different_vnis() {
    let unknown = GOOD.replace("name = \"blue\"\nvni = 6001", "name = \"green\"");
    let twice = format!("{GOOD}[[peer.vpc]]\nname = \"blue\"\n");
    let same_vni = format!("{GOOD}[[peer.vpc]]\nname = \"red\"\nvni = 6001\n{SECOND_VPC}");
    let same_default =
        good_with("vni = 6001", "vni = 5002") + "[[peer.vpc]]\nname = \"red\"\n" + SECOND_VPC;
    let nameless = format!("{GOOD}[[peer.vpc]]\n{SECOND_VPC}");
    let all = [unknown, twice, same_vni, same_default, nameless];
    insta::assert_snapshot!(all.map(|text| refusal(&text)).join("\n\n"));
}

#[test]
fn a_prefix_that_covers_an_endpoint_is_a_routing_loop_in_the_underlays_namespace() {
    let same_namespace = GOOD.replace("netns = \"vpc-a\"\n", "");
    let own_path = GOOD.replace("netns = \"vpc-a\"\n", "netns = \"/proc/self/ns/net\"\n");
    let by_prefix = |text: &str| text.replace("\"10.2.0.0/24\"", "\"192.0.2.0/24\"");
    let by_address = same_namespace.replace("10.1.0.1/24", "192.0.2.9/24");
    let all = [by_prefix(&same_namespace), by_prefix(&own_path), by_address];
    insta::assert_snapshot!(all.map(|text| refusal(&text)).join("\n\n"));
}

#[test]
fn tables_of_the_wrong_kind_are_refused() {
    let all = [
        "node = 1",
        "vpc = 1",
        "peer = [1]",
        "[node]\nname = \"a\"\n[vpc]\nname = \"blue\"\n",
        "crypto = \"none\"",
    ];
    insta::assert_snapshot!(all.map(refusal).join("\n\n"));
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    /// Whatever the checker says, it says it about a place and with a cure.
    fn check_text(text: &str) -> Result<(), TestCaseError> {
        let mut problems = Problems::default();
        let origin = Origin {
            folder: PathBuf::from("/nonexistent"),
            exposure: Exposure::OwnerOnly,
            stem: "gw-a".into(),
        };
        let config = check(text, &origin, FOUR_LANES, &mut problems);
        prop_assert!(config.is_none(), "the key file does not exist");
        let problems = problems.into_sorted();
        prop_assert!(!problems.is_empty());
        let lines = text.lines().count().max(1);
        for problem in problems {
            prop_assert!(
                !problem.key.is_empty() && !problem.what.is_empty() && !problem.fix.is_empty()
            );
            prop_assert!(
                problem
                    .line
                    .is_none_or(|line| (1..=lines + 1).contains(&line)),
                "{problem}"
            );
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn damaged_configurations_are_refused_and_never_panic(
            from in 0..GOOD.len(), length in 0..40_usize, patch in "[\\[\\]\"#=,a-z0-9 .\n:/-]{0,12}"
        ) {
            let mut text = GOOD.to_owned();
            let end = (from + length).min(text.len());
            text.replace_range(from..end, &patch);
            check_text(&text)?;
        }

        #[test]
        fn random_values_are_refused_or_accepted_and_never_panic(
            key in "(lanes|vni|mtu|device|netns|endpoint|addresses|prefixes|rekey_after|public_key)",
            value in "(\"[ -!#-\\[\\]-~\u{e4}]{0,40}\"|-?[0-9]{1,25}|\\[\"[0-9a-f:./]{0,24}\"\\]|[0-9]{1,5}\\.[0-9]|true|\\{\\})"
        ) {
            let line = GOOD.lines().find(|line| line.starts_with(&format!("{key} ="))).unwrap();
            check_text(&GOOD.replacen(line, &format!("{key} = {value}"), 1))?;
        }
    }
}
