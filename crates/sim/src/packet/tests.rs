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
fn any_changed_byte_of_the_filling_is_noticed() {
    let packet = build(PacketId::new(5), SOURCE, DESTINATION, 100);
    for place in ID_OFFSET..100 {
        let mut changed = packet.clone();
        changed[place] ^= 1;
        assert_ne!(id_of(&changed), Some(PacketId::new(5)), "byte {place}");
    }
}
