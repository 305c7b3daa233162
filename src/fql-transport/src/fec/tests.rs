use super::*;

#[test]
fn every_setting_reads_as_it_is_written() {
    for setting in [
        "none",
        "equal:0",
        "equal:10",
        "unequal:3,2,1,0",
        "unequal:5",
        "adaptive",
        "adaptive:1%",
        "adaptive:90%",
    ] {
        assert_eq!(setting.parse::<Fec>().unwrap().to_string(), setting);
    }
    assert_eq!("adaptive:60%".parse::<Fec>().unwrap(), Fec::default());
    assert_eq!("unequal: 3, 2 ,1,0".parse::<Fec>().unwrap(), Fec::Unequal(vec![3, 2, 1, 0]));
    assert_eq!("adaptive:35".parse::<Fec>().unwrap(), Fec::Adaptive { max_percent: 35 });
}

#[test]
fn a_setting_that_cannot_be_read_is_an_error_that_names_it() {
    for setting in [
        "",
        "None",
        "none:1",
        "equal",
        "equal:",
        "equal:11",
        "equal:-1",
        "unequal:",
        "unequal:1,,2",
        "unequal",
        "adaptive:0%",
        "adaptive:91%",
        "adaptive:%",
        "adaptive:x",
        "fast",
        "unequal:0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
    ] {
        let error = setting.parse::<Fec>().unwrap_err().to_string();
        assert!(error.contains(&format!("{setting:?}")), "{error}");
    }
}

#[test]
fn parity_counts_for_every_started_ten_source_shards() {
    let equal = Fec::Equal(2);
    for (sources, parity) in [(1, 2), (10, 2), (11, 4), (40, 8)] {
        assert_eq!(equal.fixed_parity(5, sources), Some(parity));
    }
    let unequal = Fec::Unequal(vec![3, 2, 1, 0]);
    let of_ten: Vec<_> = (0..6).map(|layer| unequal.fixed_parity(layer, 10).unwrap()).collect();
    assert_eq!(of_ten, [3, 2, 1, 0, 0, 0]);
    assert_eq!(Fec::None.fixed_parity(0, 10), Some(0));
    assert_eq!(Fec::default().fixed_parity(0, 10), None);
}
