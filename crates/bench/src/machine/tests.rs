use super::*;

#[test]
fn the_processor_is_named_once() {
    let two = "processor\t: 0\nmodel name\t: Some CPU @ 2.1GHz\n\nprocessor\t: 1\nmodel name\t: Some CPU @ 2.1GHz\n";
    assert_eq!(cpu_name(two), Some("Some CPU @ 2.1GHz".to_owned()));
    assert_eq!(cpu_name("processor : 0\nBogoMIPS : 50.0\n"), None);
}

#[test]
fn this_machine_has_cores_a_kernel_and_a_date() {
    let machine = Machine::here();
    assert!(machine.cores >= 1);
    assert!(machine.kernel.len() > "Linux ".len());
    assert!(
        machine.date.starts_with("20") && machine.date.ends_with('Z'),
        "{}",
        machine.date
    );
    assert_eq!(first_number("0.52 0.58 0.59 1/467 12\n"), Some(0.52));
}

#[test]
fn a_debug_build_says_that_its_figures_are_of_no_use() {
    let warning = Machine::here().warning();
    assert_eq!(
        warning.is_some_and(|text| text.contains("debug build")),
        cfg!(debug_assertions)
    );
}
