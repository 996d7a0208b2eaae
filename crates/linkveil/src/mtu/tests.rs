use super::*;

fn ipv4_path(bytes: u16) -> PathMtu {
    PathMtu::new(bytes, "192.0.2.2:51840".parse().unwrap())
}

fn ipv6_path(bytes: u16) -> PathMtu {
    PathMtu::new(bytes, "[2001:db8::2]:51840".parse().unwrap())
}

#[test]
fn the_overhead_is_76_bytes_over_ipv4_and_96_over_ipv6() {
    assert_eq!(ipv4_path(1500).inner_bytes(), 1424);
    assert_eq!(ipv6_path(1500).inner_bytes(), 1404);
    assert_eq!(
        ipv4_path(60).inner_bytes(),
        0,
        "nothing fits, and nothing wraps"
    );
}

#[test]
fn an_unknown_path_is_assumed_to_be_ethernet_with_the_overhead_of_the_widest_family() {
    let ipv4 = "192.0.2.1:1".parse().unwrap();
    let ipv6 = "[::]:1".parse().unwrap();
    assert_eq!(PathMtu::assumed(&[ipv4]).inner_bytes(), 1424);
    assert_eq!(PathMtu::assumed(&[ipv4, ipv6]).inner_bytes(), 1404);
}

/// MTU of a TUN device over one path.
fn tun(configured: VpcMtu, inner: u16) -> u16 {
    device(configured, VpcKind::L3, [inner].into_iter()).unwrap()
}

fn inner_over(path: PathMtu) -> Result<u16, MtuError> {
    inner(path, VpcKind::L3, InnerFamilies::Ipv4Only)
}

#[test]
fn an_automatic_device_takes_what_the_widest_path_carries() {
    assert_eq!(inner_over(ipv4_path(1500)), Ok(1424));
    assert_eq!(tun(VpcMtu::Auto, 1424), 1424);
    assert_eq!(route(1424, 1424), None);
}

#[test]
fn a_device_never_goes_below_1280_and_its_routes_do() {
    assert_eq!(inner_over(ipv4_path(1280)), Ok(1204));
    assert_eq!(tun(VpcMtu::Auto, 1204), 1280);
    assert_eq!(route(1280, 1204), Some(1204));
}

#[test]
fn a_fixed_mtu_is_kept_and_its_routes_follow_the_path() {
    assert_eq!(tun(VpcMtu::Bytes(1300), 1424), 1300);
    assert_eq!(route(1300, 1424), None);
    assert_eq!(tun(VpcMtu::Bytes(9000), 1424), 9000);
    assert_eq!(route(9000, 1424), Some(1424));
}

#[test]
fn one_ipv6_prefix_makes_a_peer_need_1280_bytes() {
    let nets =
        |texts: &[&str]| -> Vec<IpNet> { texts.iter().map(|text| text.parse().unwrap()).collect() };
    assert_eq!(InnerFamilies::of(&nets(&[])), InnerFamilies::Ipv4Only);
    let both = nets(&["10.2.0.0/24", "fd02::/64"]);
    assert_eq!(InnerFamilies::of(&both[..1]), InnerFamilies::Ipv4Only);
    assert_eq!(InnerFamilies::of(&both), InnerFamilies::WithIpv6);
}

// REQ-MTU-4
#[test]
fn ipv6_inside_needs_outer_paths_of_1356_and_1376() {
    for (path, outer, needed) in [
        (ipv4_path(1355), 1355, "1356"),
        (ipv6_path(1375), 1375, "1376"),
    ] {
        let error = inner(path, VpcKind::L3, InnerFamilies::WithIpv6).unwrap_err();
        assert_eq!(error, MtuError::TooSmallForIpv6 { outer, inner: 1279 });
        assert!(error.to_string().contains(needed), "{error}");
        assert_eq!(inner_over(path), Ok(1279));
    }
    for path in [ipv4_path(1356), ipv6_path(1376)] {
        assert_eq!(inner(path, VpcKind::L3, InnerFamilies::WithIpv6), Ok(1280));
    }
}

#[test]
fn a_path_that_carries_nothing_useful_is_refused() {
    assert_eq!(inner_over(ipv4_path(652)), Ok(576));
    let error = MtuError::TooSmall {
        outer: 651,
        inner: 575,
    };
    assert_eq!(inner_over(ipv4_path(651)), Err(error));
}

#[test]
fn an_ethernet_device_takes_what_the_narrowest_path_carries_less_the_header_of_the_frame() {
    let over = |path| inner(path, VpcKind::L2, InnerFamilies::Ipv4Only);
    assert_eq!(over(ipv4_path(1500)), Ok(1410));
    assert_eq!(over(ipv4_path(666)), Ok(576));
    assert!(over(ipv4_path(665)).is_err());
    let tap = |configured| device(configured, VpcKind::L2, [1410, 1190, 1300].into_iter());
    // Not raised to 1280: there are no routes that could be narrower.
    assert_eq!(tap(VpcMtu::Auto), Some(1190));
    assert_eq!(tap(VpcMtu::Bytes(1500)), Some(1500));
    // IPv6 on the device needs 14 bytes more of the path than over a TUN device.
    let ipv6 = |bytes| inner(ipv4_path(bytes), VpcKind::L2, InnerFamilies::WithIpv6);
    assert_eq!(ipv6(1370), Ok(1280));
    let error = ipv6(1369).unwrap_err();
    assert!(error.to_string().contains("1370"), "{error}");
}

#[test]
fn macsec_takes_its_bytes_from_the_port() {
    let cases = [
        (1500, Some(1468)),
        (9000, Some(8968)),
        (9216, Some(9184)),
        // No frame is longer than what lanes have room for.
        (65_535, Some(9184)),
        (u32::MAX, Some(9184)),
        (608, Some(576)),
        (607, None),
        (20, None),
    ];
    for (port, device) in cases {
        assert_eq!(macsec_device(port), device, "{port}");
    }
}
