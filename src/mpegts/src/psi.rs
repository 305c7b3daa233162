//! The tables that say what a transport stream holds (Rec. ITU-T H.222.0, 2.4.4).

/// The longest section of these tables, with its header.
const MAX_SECTION: usize = 1024;
const SECTION_HEADER: usize = 8;
const CHECKSUM: usize = 4;
const PAT: u8 = 0;
const PMT: u8 = 2;

/// Puts sections together from the packets of one stream.
#[derive(Debug, Default)]
pub(crate) struct Sections {
    /// The section that is not complete yet, at most [`MAX_SECTION`] bytes.
    partial: Option<Vec<u8>>,
}

impl Sections {
    /// Forgets what is not complete, because packets are missing.
    pub(crate) fn lose(&mut self) {
        self.partial = None;
    }

    /// Takes the payload of a packet and hands out the sections that are complete now and whose checksum is right.
    pub(crate) fn push(&mut self, payload: &[u8], is_start: bool, mut each: impl FnMut(&[u8])) {
        if !is_start {
            self.extend(payload, &mut each);
            return;
        }
        let Some((&pointer, rest)) = payload.split_first() else { return };
        let Some((end, begin)) = rest.split_at_checked(pointer.into()) else {
            self.lose();
            return;
        };
        self.extend(end, &mut each);
        self.partial = Some(Vec::new());
        self.extend(begin, &mut each);
    }

    fn extend(&mut self, bytes: &[u8], each: &mut impl FnMut(&[u8])) {
        let Some(partial) = &mut self.partial else { return };
        partial.extend_from_slice(bytes);
        let mut rest = partial.as_slice();
        // 0xff in place of a table's id: the rest of the packet is filling.
        while rest.first().is_some_and(|&id| id != 0xff) {
            let Some(length) = section_length(rest) else { break };
            if length > MAX_SECTION {
                self.lose();
                return;
            }
            let Some((section, later)) = rest.split_at_checked(length) else { break };
            if checksum(section) == 0 {
                each(section);
            }
            rest = later;
        }
        let rest = rest.first().is_some_and(|&id| id != 0xff).then(|| rest.to_vec());
        self.partial = rest;
    }
}

fn section_length(bytes: &[u8]) -> Option<usize> {
    let &[_, high, low, ..] = bytes else { return None };
    Some(3 + (usize::from(high & 15) << 8 | usize::from(low)))
}

/// The body of a section of this table which is in force now: what is between its header and its checksum. Tables of
/// several sections are read as far as their first one goes: all programs of interest are in it.
fn body(section: &[u8], table: u8) -> Option<&[u8]> {
    let is_current = *section.get(5)? & 1 == 1;
    let is_it = section[0] == table && is_current;
    is_it.then(|| section.get(SECTION_HEADER..section.len() - CHECKSUM)).flatten()
}

/// The programs of a program association section, each with its number and the packet identifier of its map.
pub(crate) fn programs(section: &[u8]) -> Option<Vec<(u16, u16)>> {
    let entries = body(section, PAT)?.chunks_exact(4);
    let both = entries.map(|entry| (u16::from_be_bytes([entry[0], entry[1]]), pid(entry[2], entry[3])));
    // Number 0 is the network's own table.
    Some(both.filter(|(number, _)| *number != 0).collect())
}

/// A stream of a program as its map says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What it is: Rec. ITU-T H.222.0, table 2-34.
    pub(crate) stream_type: u8,
    /// Which packets are of it.
    pub(crate) pid: u16,
    /// More of what it is, one after the other: a tag, a length, and so many bytes.
    pub(crate) descriptors: Vec<u8>,
}

impl Entry {
    /// The content of its descriptors with this tag.
    pub(crate) fn descriptors(&self, tag: u8) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.descriptors.as_slice();
        let all = std::iter::from_fn(move || {
            let (&[tag, length], later) = rest.split_first_chunk()?;
            let (content, later) = later.split_at_checked(length.into())?;
            rest = later;
            Some((tag, content))
        });
        all.filter(move |(found, _)| *found == tag).map(|(_, content)| content)
    }
}

/// The streams of a program map section for this program.
pub(crate) fn streams(section: &[u8], program: u16) -> Option<Vec<Entry>> {
    let body = body(section, PMT)?;
    if section[3..5] != program.to_be_bytes() {
        return None;
    }
    let about_program = length(*body.get(2)?, *body.get(3)?);
    let mut rest = body.get(4 + about_program..)?;
    let mut entries = Vec::new();
    while let Some((&[stream_type, high, low, length_high, length_low], later)) = rest.split_first_chunk() {
        let (descriptors, later) = later.split_at_checked(length(length_high, length_low))?;
        let descriptors = descriptors.to_vec();
        entries.push(Entry { stream_type, pid: pid(high, low), descriptors });
        rest = later;
    }
    Some(entries)
}

fn pid(high: u8, low: u8) -> u16 {
    u16::from(high & 0x1f) << 8 | u16::from(low)
}

fn length(high: u8, low: u8) -> usize {
    usize::from(high & 15) << 8 | usize::from(low)
}

/// Writes the program association table of one program.
pub(crate) fn write_programs(program: u16, map_pid: u16) -> Vec<u8> {
    let [high, low] = map_pid.to_be_bytes();
    let [program_high, program_low] = program.to_be_bytes();
    section(PAT, 1, 0, &[program_high, program_low, 0xe0 | high, low])
}

/// Writes a program map. What does not fit in a section is left out: that is more than 40 streams.
pub(crate) fn write_map(program: u16, version: u8, clock_pid: u16, entries: &[Entry]) -> Vec<u8> {
    let [high, low] = clock_pid.to_be_bytes();
    let mut body = vec![0xe0 | high, low, 0xf0, 0];
    for entry in entries {
        let size = 5 + entry.descriptors.len();
        if SECTION_HEADER + body.len() + size + CHECKSUM > MAX_SECTION {
            break;
        }
        let [high, low] = entry.pid.to_be_bytes();
        let [length_high, length_low] = (entry.descriptors.len() as u16).to_be_bytes();
        body.extend_from_slice(&[entry.stream_type, 0xe0 | high, low, 0xf0 | length_high, length_low]);
        body.extend_from_slice(&entry.descriptors);
    }
    section(PMT, program, version, &body)
}

fn section(table: u8, id: u16, version: u8, body: &[u8]) -> Vec<u8> {
    let length = (SECTION_HEADER - 3 + body.len() + CHECKSUM) as u16;
    let ([length_high, length_low], [id_high, id_low]) = (length.to_be_bytes(), id.to_be_bytes());
    let mut out =
        vec![table, 0xb0 | length_high, length_low, id_high, id_low, 0xc1 | (version & 31) << 1, 0, 0];
    out.extend_from_slice(body);
    let checksum = checksum(&out);
    out.extend_from_slice(&checksum.to_be_bytes());
    out
}

/// The checksum of Rec. ITU-T H.222.0, annex A: 0 for bytes that end with their own.
fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let (mut value, mut bit) = ((at as u32) << 24, 0);
            while bit < 8 {
                value = value << 1 ^ if value >> 31 == 1 { 0x04c1_1db7 } else { 0 };
                bit += 1;
            }
            table[at] = value;
            at += 1;
        }
        table
    };
    bytes.iter().fold(u32::MAX, |sum, &byte| sum << 8 ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)])
}
