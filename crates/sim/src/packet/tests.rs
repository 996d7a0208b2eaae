use super::*;
use linkveil_wire::InnerPacket;

const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
const DESTINATION: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 1);

#[test]
fn a_built_packet_is_a_whole_ip_packet_with_its_id() {
    for len in [0, MIN_PACKET_LEN, 65, 1_400] {
        let packet = build(PacketId::new(77), SOURCE, DESTINATION, len);
        assert_eq!(packet.len(), len.max(MIN_PACKET_LEN));
        let inner = InnerPacket::parse(&packet).unwrap();
        assert_eq!(inner.source(), SOURCE);
        assert_eq!(inner.destination(), DESTINATION);
        assert_eq!(id_of(&packet), Some(PacketId::new(77)));
    }
}

#[test]
fn neighbors_differ_in_their_filling() {
    let [one, other] = [5, 6].map(|id| build(PacketId::new(id), SOURCE, DESTINATION, 100));
    let same = one.iter().zip(&other).skip(ID_OFFSET + 8);
    let same = same.filter(|(one, other)| one == other).count();
    assert!(same < 20, "{same}");
}

#[test]
fn what_is_too_short_has_no_id() {
    assert_eq!(id_of(&[0; ID_OFFSET + 7]), None);
    assert_eq!(id_of(&[0; ID_OFFSET + 8]), Some(PacketId::new(0)));
}
