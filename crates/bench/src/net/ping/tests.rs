use super::*;

/// Recorded from iputils 20221126.
const IDLE: &str = "\
PING 192.0.2.2 (192.0.2.2) 56(84) bytes of data.
64 bytes from 192.0.2.2: icmp_seq=1 ttl=64 time=0.012 ms
64 bytes from 192.0.2.2: icmp_seq=2 ttl=64 time=0.009 ms
64 bytes from 192.0.2.2: icmp_seq=3 ttl=64 time=1.25 ms

--- 192.0.2.2 ping statistics ---
3 packets transmitted, 3 received, 0% packet loss, time 4ms
rtt min/avg/max/mdev = 0.009/0.423/1.250/0.002 ms
";
const ADAPTIVE: &str = "\
PING 192.0.2.2 (192.0.2.2) 56(84) bytes of data.

--- 192.0.2.2 ping statistics ---
72909 packets transmitted, 72909 received, 0% packet loss, time 999ms
rtt min/avg/max/mdev = 0.000/0.000/0.072/0.000 ms, ipg/ewma 0.013/0.001 ms
";
const DEAF: &str = "\
PING 192.0.2.9 (192.0.2.9) 56(84) bytes of data.

--- 192.0.2.9 ping statistics ---
2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1016ms
";

#[test]
fn every_reply_gives_its_time() {
    let times = round_trips(IDLE).unwrap();
    assert_eq!(times.len(), 3);
    for (time, expected) in times.into_iter().zip([12.0, 9.0, 1_250.0]) {
        assert!((time - expected).abs() < 1e-9);
    }
}

#[test]
fn an_exchange_takes_the_time_divided_by_the_replies() {
    assert!((exchange(ADAPTIVE).unwrap() - 999_000.0 / 72_909.0).abs() < 1e-9);
}

#[test]
fn nobody_answers_is_said() {
    for error in [round_trips(DEAF).unwrap_err(), exchange(DEAF).unwrap_err()] {
        assert_eq!(error.to_string(), "cannot read what ping printed: no reply");
    }
    assert_eq!(
        exchange("").unwrap_err().to_string(),
        "cannot read what ping printed: no summary"
    );
}
