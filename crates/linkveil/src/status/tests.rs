use super::*;

fn counters(pairs: &[(&str, u64)]) -> Counters {
    pairs
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

/// One of each kind.
fn sample_vpcs() -> Vec<VpcStatus> {
    let routed = VpcStatus {
        name: "blue".into(),
        vni: 5001,
        kind: "l3".into(),
        device: "lv-blue".into(),
        netns: Some("vpc-a".into()),
        mtu_bytes: 1424,
        route_mtu_bytes: None,
        local_macs: None,
    };
    let bridged = VpcStatus {
        name: "lan".into(),
        vni: 5002,
        kind: "l2".into(),
        device: "lv-lan".into(),
        netns: None,
        mtu_bytes: 1500,
        route_mtu_bytes: None,
        local_macs: Some(2),
    };
    vec![routed, bridged]
}

/// A port with keys by handshake, one lane, and a frame that was late.
fn sample_port() -> MacsecStatus {
    let sa = |an, lowest_pn| MacsecSaStatus {
        an,
        next_pn: Some(12),
        lowest_pn,
        limit_share: 0.25,
    };
    MacsecStatus {
        name: "trunk".into(),
        port: "eth1".into(),
        device: "lv-trunk".into(),
        netns: None,
        mtu_bytes: 1468,
        suite: "gcm-aes-xpn-256".into(),
        protect: "confidentiality".into(),
        sci: "explicit".into(),
        validate: "strict".into(),
        replay_window_packets: 1024,
        lanes: 1,
        peer: Some(MacsecPeerStatus {
            public_key: "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ=".into(),
            address: Some("02:00:00:00:00:02".into()),
            state: "established".into(),
            epoch: Some(EpochStatus {
                fingerprint: "0011223344556677".into(),
                age_seconds: 34,
                next_rekey_seconds: None,
                role: "responder".into(),
                post_quantum: true,
            }),
            last_handshake_age_seconds: Some(34),
        }),
        tx: vec![MacsecChannelStatus {
            sci: "0200000000010001".into(),
            encoding_an: Some(1),
            associations: vec![sa(1, None)],
            counters: counters(&[("out_pkts_encrypted", 11), ("out_pkts_protected", 0)]),
        }],
        rx: vec![MacsecChannelStatus {
            sci: "0200000000020001".into(),
            encoding_an: None,
            associations: vec![sa(0, Some(1)), sa(1, Some(2))],
            counters: counters(&[("in_pkts_ok", 10), ("in_pkts_late", 1)]),
        }],
        secy: counters(&[("in_pkts_no_tag", 2), ("in_pkts_bad_tag", 0)]),
        drops: counters(&[("tap_dropped", 0)]),
        lane_events: counters(&[("port_blocked", 1)]),
        control: counters(&[("handshakes_completed", 1)]),
    }
}

/// A gateway with one established peer and one that has never spoken.
pub(crate) fn sample() -> Status {
    let established = PeerStatus {
        name: "gw-b".into(),
        public_key: "NYBy1jZYgNGu6jKa35EhODhR7SGijjt16WXQ0s0WYlQ=".into(),
        endpoint: Some("192.0.2.2:51840".into()),
        state: "established".into(),
        epoch: Some(EpochStatus {
            fingerprint: "0011223344556677".into(),
            age_seconds: 34,
            next_rekey_seconds: Some(7000),
            role: "initiator".into(),
            post_quantum: true,
        }),
        last_handshake_age_seconds: Some(34),
        tx: Traffic {
            packets: 1830,
            bytes: 3 * 1024 * 1024,
        },
        rx: Traffic {
            packets: 12,
            bytes: 1008,
        },
        path_mtu_bytes: 1500,
        inner_mtu_bytes: 1424,
        macs: 3,
        key_usage: KeyUsage {
            limit_share: 0.000_012,
            advantage_log2: Some(-70.25),
        },
    };
    let silent = PeerStatus {
        name: "gw-c".into(),
        public_key: "eaYx7t4b+cmPEgMs3q3Q56B5OY/HhriMyEbsia+FpRo=".into(),
        endpoint: None,
        state: "idle".into(),
        epoch: None,
        last_handshake_age_seconds: None,
        tx: Traffic::default(),
        rx: Traffic::default(),
        path_mtu_bytes: 1500,
        inner_mtu_bytes: 1404,
        macs: 0,
        key_usage: KeyUsage {
            limit_share: 0.0,
            advantage_log2: None,
        },
    };
    Status {
        node: "gw-a".into(),
        version: "0.1.0".into(),
        uptime_seconds: 3 * 86_400 + 7_205,
        public_key: "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8=".into(),
        listen: vec!["192.0.2.1:51840".into(), "[2001:db8::1]:51840".into()],
        suite: "aes-256-gcm".into(),
        lanes: 2,
        vpcs: sample_vpcs(),
        peers: vec![established, silent],
        macsec: vec![sample_port()],
        drops: counters(&[("no_route", 3), ("unknown_spi", 12), ("unauthentic", 0)]),
        lane_events: counters(&[("stray_forwarded", 0)]),
        control: counters(&[("handshakes_completed", 1), ("handshakes_started", 1)]),
        stations: counters(&[("macs_learned", 5), ("macs_aged", 0)]),
    }
}

#[test]
fn the_text_reads_like_wg_show() {
    insta::assert_snapshot!(sample().to_string());
}

#[test]
fn the_json_names_every_unit_and_every_counter() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&sample()).unwrap());
}

#[test]
fn the_json_survives_the_round_trip() {
    let text = serde_json::to_string(&sample()).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), sample());
}
