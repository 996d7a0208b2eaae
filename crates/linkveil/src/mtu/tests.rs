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

#[test]
fn an_automatic_device_takes_what_the_path_carries() {
    for families in [InnerFamilies::Ipv4Only, InnerFamilies::WithIpv6] {
        let plan = plan(VpcMtu::Auto, ipv4_path(1500), families);
        assert_eq!(
            plan,
            Ok(MtuPlan {
                device_bytes: 1424,
                route_bytes: None
            })
        );
    }
}

#[test]
fn a_device_never_goes_below_1280_and_its_routes_do() {
    let plan = plan(VpcMtu::Auto, ipv4_path(1280), InnerFamilies::Ipv4Only);
    assert_eq!(
        plan,
        Ok(MtuPlan {
            device_bytes: 1280,
            route_bytes: Some(1204)
        })
    );
}

#[test]
fn a_fixed_mtu_is_kept_and_its_routes_follow_the_path() {
    let small = plan(
        VpcMtu::Bytes(1300),
        ipv4_path(1500),
        InnerFamilies::WithIpv6,
    );
    assert_eq!(
        small,
        Ok(MtuPlan {
            device_bytes: 1300,
            route_bytes: None
        })
    );
    let large = plan(
        VpcMtu::Bytes(9000),
        ipv4_path(1500),
        InnerFamilies::WithIpv6,
    );
    assert_eq!(
        large,
        Ok(MtuPlan {
            device_bytes: 9000,
            route_bytes: Some(1424)
        })
    );
}

#[test]
fn ipv6_inside_needs_outer_paths_of_1356_and_1376() {
    for (path, outer, needed) in [
        (ipv4_path(1355), 1355, "1356"),
        (ipv6_path(1375), 1375, "1376"),
    ] {
        let error = plan(VpcMtu::Auto, path, InnerFamilies::WithIpv6).unwrap_err();
        assert_eq!(error, MtuError::TooSmallForIpv6 { outer, inner: 1279 });
        assert!(error.to_string().contains(needed), "{error}");
    }
    assert!(plan(VpcMtu::Auto, ipv4_path(1356), InnerFamilies::WithIpv6).is_ok());
    assert!(plan(VpcMtu::Auto, ipv6_path(1376), InnerFamilies::WithIpv6).is_ok());
}

#[test]
fn a_path_that_carries_nothing_useful_is_refused() {
    assert!(plan(VpcMtu::Auto, ipv4_path(652), InnerFamilies::Ipv4Only).is_ok());
    let error = plan(VpcMtu::Auto, ipv4_path(651), InnerFamilies::Ipv4Only);
    assert_eq!(
        error,
        Err(MtuError::TooSmall {
            outer: 651,
            inner: 575
        })
    );
}
