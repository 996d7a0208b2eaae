use super::*;

/// A frame with an SCI of this port id.
fn frame(port_id: u16) -> Vec<u8> {
    let mut frame = vec![0; 60];
    frame[12..15].copy_from_slice(&[0x88, 0xe5, TCI_SC]);
    frame[26..28].copy_from_slice(&port_id.to_be_bytes());
    frame
}

#[test]
fn a_channel_has_the_lane_of_its_sender() {
    for (port_id, lanes, lane) in [
        (1, 1, 0),
        (1, 2, 0),
        (2, 2, 1),
        (3, 2, 0),
        (4, 3, 0),
        (64, 64, 63),
        (65, 64, 0),
        (0, 4, 3),
        (u16::MAX, 7, 0),
    ] {
        assert_eq!(
            lane_of(&frame(port_id), lanes),
            lane,
            "{port_id} of {lanes}"
        );
    }
}

#[test]
fn a_frame_without_a_channel_goes_to_the_first_lane() {
    let mut implied = frame(2);
    implied[14] = 0x40;
    assert_eq!(lane_of(&implied, 2), 0);
    for len in 0..28 {
        assert_eq!(lane_of(&frame(2)[..len], 2), 0, "cut to {len}");
    }
    assert_eq!(lane_of(&frame(2)[..28], 2), 1);
}
