use super::*;

const PLACE: ChecksumPlace = ChecksumPlace {
    start: 0x0134,
    offset: 16,
};

fn cut(protocol: SegmentProtocol) -> Offload {
    Offload::Segments(Segmentation {
        protocol,
        headers_len: 66,
        segment_len: NonZeroU16::new(1_388).unwrap(),
        checksum: PLACE,
    })
}

#[test]
fn what_is_written_is_read() {
    for offload in [
        Offload::None,
        Offload::Checksum(PLACE),
        cut(SegmentProtocol::TcpV4),
        cut(SegmentProtocol::TcpV6),
        cut(SegmentProtocol::Udp),
    ] {
        assert_eq!(Offload::parse(&offload.emit()), Ok(offload));
    }
}

// The kernel's header file in words: flags, gso_type, then four native 16-bit fields.
#[test]
fn the_bytes_are_where_the_kernel_has_them() {
    let mut expected = vec![1, 4];
    for field in [66_u16, 1_388, 0x0134, 16] {
        expected.extend(field.to_ne_bytes());
    }
    assert_eq!(cut(SegmentProtocol::TcpV6).emit().to_vec(), expected);
    assert_eq!(Offload::None.emit(), [0; VNET_HEADER_LEN]);
}

#[test]
fn the_mark_of_ecn_is_read_over() {
    let mut header = cut(SegmentProtocol::TcpV4).emit();
    header[1] |= 0x80;
    assert_eq!(Offload::parse(&header), Ok(cut(SegmentProtocol::TcpV4)));
}

#[test]
fn headers_without_sense_are_refused() {
    let good = cut(SegmentProtocol::TcpV4).emit();
    let damaged = |change: &dyn Fn(&mut [u8; VNET_HEADER_LEN])| {
        let mut header = good;
        change(&mut header);
        Offload::parse(&header)
    };
    assert_eq!(damaged(&|header| header[1] = 3), Err(BadVnetHeader), "UFO");
    let no_segment = damaged(&|header| header[4..6].fill(0));
    assert_eq!(no_segment, Err(BadVnetHeader));
    assert_eq!(damaged(&|header| header[0] = 0), Err(BadVnetHeader));
}
