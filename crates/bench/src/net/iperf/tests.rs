use super::*;

/// Recorded from iperf 3.12; what is not read was cut out.
const TCP: &str = include_str!("tcp.json");
const UDP: &str = include_str!("udp.json");

#[test]
fn tcp_is_what_the_receiver_saw_of_all_flows() {
    let stream = tcp(TCP).unwrap();
    assert!(
        (stream.bits_per_second - 31629759746.81).abs() < 1.0,
        "{stream:?}"
    );
    assert!((stream.bytes - 4077518848.0).abs() < 1.0);
}

#[test]
fn udp_is_what_arrived_and_not_what_was_sent() {
    let datagrams = udp(UDP).unwrap();
    // 400,300 sent, 280,576 lost, in 1.001764 s.
    let expected = f64::from(400_300 - 280_576) / 1.001_764;
    assert!(
        (datagrams.received_per_second - expected).abs() < 0.01,
        "{datagrams:?}"
    );
}

#[test]
fn an_error_of_iperf3_is_passed_on() {
    let json = r#"{"start":{},"intervals":[],"end":{},"error":"unable to connect to server: Connection timed out"}"#;
    let error = tcp(json).unwrap_err().to_string();
    assert!(
        error.ends_with("unable to connect to server: Connection timed out"),
        "{error}"
    );
}

#[test]
fn output_of_another_shape_is_refused() {
    assert!(tcp("").is_err());
    assert!(tcp(r#"{"end":{}}"#).is_err());
    assert!(udp(TCP).is_err(), "TCP counts no packets");
    let no_time = r#"{"end":{"sum":{"seconds":0,"bytes":1,"bits_per_second":1,"packets":2,"lost_packets":1}}}"#;
    assert!(udp(no_time).is_err());
}
