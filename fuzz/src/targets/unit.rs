use fql_unit::{Attachments, TrackTable, Unit};

/// Any bytes are a unit or an error, and a unit survives the trip back through bytes.
pub fn unit(bytes: &[u8]) {
    let Ok(unit) = Unit::from_bytes(bytes) else { return };
    assert!(unit.payload_len() <= bytes.len());
    assert!(unit.complete_layers_everywhere() <= unit.coded_layers());
    assert_eq!(Unit::from_bytes(&unit.to_bytes()).as_ref(), Ok(&unit));
}

/// Any bytes are a track table or an error, and a table survives the trip back through bytes.
pub fn track_table(bytes: &[u8]) {
    let Ok(table) = TrackTable::from_bytes(bytes) else { return };
    assert_eq!(TrackTable::from_bytes(&table.to_bytes()).as_ref(), Ok(&table));
}

/// Any bytes are attachments, as far as they make sense, and those survive the trip back through bytes; what a unit
/// has of them can be taken out and put in again, and its codeword stays the same.
pub fn attachments(bytes: &[u8]) {
    let attachments = Attachments::from_bytes(bytes);
    assert_eq!(Attachments::from_bytes(&attachments.to_bytes()), attachments);
    let Ok(mut unit) = Unit::from_bytes(bytes) else { return };
    let codeword = unit.codeword(0, 0);
    let attachments = unit.detach();
    assert!(!unit.flags.attached);
    assert_eq!(unit.segment(0, 0), codeword.as_ref());
    unit.attach(&attachments);
    assert_eq!(unit.flags.attached, !attachments.is_empty());
    assert_eq!(unit.codeword(0, 0).is_some(), unit.coded_layers() > 0);
    assert_eq!(unit.detach(), attachments);
    assert_eq!(
        unit.segment(0, 0).map(|segment| segment.data().clone()).unwrap_or_default(),
        codeword.map(|codeword| codeword.data().clone()).unwrap_or_default()
    );
}
