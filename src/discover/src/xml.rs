//! XML as devices answer it, read within bounds: no document type, so no entities of its own, and neither deep nor long.
//!
//! Names are told apart by what stands behind the colon. Devices get prefixes and namespaces wrong more often than two
//! elements of one answer differ in nothing else.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

/// Deeper than any answer is.
const DEEPEST: usize = 32;
/// The most elements of an answer.
const MOST_ELEMENTS: usize = 20_000;
/// The most attributes of an element that are kept.
const MOST_ATTRIBUTES: usize = 16;

/// Why something is no XML that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    /// It is not XML.
    #[error("it is not well-formed XML")]
    Malformed,
    /// It is, and nobody needs it.
    #[error("it is XML with a document type")]
    DocumentType,
    /// Elements in elements, and so on.
    #[error("it is XML of more than {DEEPEST} levels")]
    Deep,
    /// It never ends.
    #[error("it is XML of more than {MOST_ELEMENTS} elements")]
    Long,
}

/// An element with all that is in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    inner: Vec<Element>,
}

impl Element {
    /// The only element that stands in none.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let mut reader = Reader::from_str(text);
        // What is open, the outermost first; an element is put into the one around it when it ends.
        let mut open: Vec<Self> = Vec::new();
        let mut elements = 0;
        loop {
            let mut closed = None;
            match reader.read_event().map_err(|_| Wrong::Malformed)? {
                Event::Start(tag) => {
                    if open.len() == DEEPEST {
                        return Err(Wrong::Deep);
                    }
                    elements += 1;
                    open.push(Self::of(&tag)?);
                }
                Event::Empty(tag) => {
                    elements += 1;
                    closed = Some(Self::of(&tag)?);
                }
                Event::End(_) => closed = open.pop(),
                Event::Text(text) => append(&mut open, &text.xml10_content()),
                Event::CData(text) => append(&mut open, &text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let of_number = reference.resolve_char_ref().map_err(|_| Wrong::Malformed)?;
                    let character = of_number.or_else(|| named(&reference.xml10_content()));
                    let mut bytes = [0; 4];
                    append(&mut open, character.ok_or(Wrong::Malformed)?.encode_utf8(&mut bytes));
                }
                Event::DocType(_) => return Err(Wrong::DocumentType),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => return Err(Wrong::Malformed),
            }
            if elements > MOST_ELEMENTS {
                return Err(Wrong::Long);
            }
            if let Some(closed) = closed {
                match open.last_mut() {
                    Some(around) => around.inner.push(closed),
                    // What comes after it is of no account.
                    None => return Ok(closed),
                }
            }
        }
    }

    fn of(tag: &BytesStart<'_>) -> Result<Self, Wrong> {
        let name = local(tag.name().as_ref()).to_owned();
        let mut attributes = Vec::new();
        for attribute in tag.attributes().take(MOST_ATTRIBUTES) {
            let attribute = attribute.map_err(|_| Wrong::Malformed)?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| Wrong::Malformed)?;
            attributes.push((local(attribute.key.as_ref()).to_owned(), value.into_owned()));
        }
        Ok(Self { name, attributes, text: String::new(), inner: Vec::new() })
    }

    /// What stands in it itself, without the spaces around.
    pub fn text(&self) -> &str {
        self.text.trim()
    }

    /// An attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The first of this name that stands right in it.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.inner.iter().find(|inner| inner.name == name)
    }

    /// The first at the end of these names, each right in the one before.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The first of this name that stands in it, however deep.
    pub fn first(&self, name: &str) -> Option<&Self> {
        self.all(name).into_iter().next()
    }

    /// All of this name that stand in it, however deep, in the order of the text. Those that stand in one of them are not
    /// among them.
    pub fn all(&self, name: &str) -> Vec<&Self> {
        let mut found = Vec::new();
        self.collect(name, &mut found);
        found
    }

    fn collect<'a>(&'a self, name: &str, found: &mut Vec<&'a Self>) {
        for inner in &self.inner {
            if inner.name == name {
                found.push(inner);
            } else {
                inner.collect(name, found);
            }
        }
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text += text;
    }
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// The five that need no document type.
fn named(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// Text as it may stand in an element.
pub(crate) fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whatever_its_prefixes_are() {
        let text = r#"<?xml version="1.0"?><!-- a --><s:Envelope xmlns:s="x"><s:Body>
            <trt:Profiles tt:token="main &amp; 1" fixed="true"><tt:Name> Main &lt;1&gt; &#228; </tt:Name>
            <Video><![CDATA[<H264>]]></Video></trt:Profiles><trt:Profiles token="b"/></s:Body></s:Envelope> rest"#;
        let root = Element::parse(text).unwrap();
        let profiles = root.all("Profiles");
        let tokens: Vec<_> = profiles.iter().map(|profile| profile.attribute("token")).collect();
        assert_eq!(tokens, [Some("main & 1"), Some("b")]);
        assert_eq!(profiles[0].child("Name").unwrap().text(), "Main <1> ä");
        assert_eq!(root.at(&["Body", "Profiles", "Video"]).unwrap().text(), "<H264>");
        assert_eq!((root.at(&["Body", "Video"]), root.first("None")), (None, None));
    }

    #[test]
    fn bombs_are_refused() {
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>"#;
        assert_eq!(Element::parse(bomb), Err(Wrong::DocumentType));
        let file = r#"<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>"#;
        assert_eq!(Element::parse(file), Err(Wrong::DocumentType));
        assert_eq!(Element::parse("<a>&b;</a>"), Err(Wrong::Malformed));
        assert_eq!(Element::parse(&"<a>".repeat(100_000)), Err(Wrong::Deep));
        assert_eq!(Element::parse(&format!("<a>{}</a>", "<b/>".repeat(50_000))), Err(Wrong::Long));
        for text in ["", "a", "<a>", "<a></b>", "<a b></a>", "<a>&", "<a>&#xffffffff;</a>", "</a>"] {
            assert_eq!(Element::parse(text), Err(Wrong::Malformed), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(<[a-c:/?!]{0,3}[ a='\"&;#x0-9\\[\\]]{0,4}/?>|&[#x]{0,2}[a0]{0,9};|\\PC){0,40}") {
            if let Ok(root) = Element::parse(&text) {
                let _ = (root.text(), root.all("a"), root.first("b"), root.at(&["a", "b"]), root.attribute("a"));
            }
        }

        #[test]
        fn what_is_escaped_is_read_as_it_was(text in "[ -~\u{e4}\u{20ac}]{0,40}") {
            let root = Element::parse(&format!("<a>{}</a>", escaped(&text))).unwrap();
            proptest::prop_assert_eq!(root.text(), text.trim());
        }
    }
}
