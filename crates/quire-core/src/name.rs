//! Names that people read: of people, projects, tags, jobs, subscriptions and peers.
//!
//! What does not show, or turns around how the rest shows, makes a name that reads like another one. What has a use stays: joiners
//! in the scripts that join and in emoji, the selectors of variants, and the flags made of tags. Letters that look alike are not
//! looked at, nor are two things kept from having one name.

use unicode_normalization::char::is_combining_mark;

/// What does not show: Default_Ignorable_Code_Point of Unicode 17 (format characters, direction marks, fillers, selectors, tags), and
/// besides what ends a line, is blank by its look, or stands for no character.
const HIDDEN: &[(u32, u32)] = &[
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    // Line and paragraph separator, then direction marks.
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    // The braille pattern without a dot.
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFDD0, 0xFDEF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    // Unassigned, then marks of annotations.
    (0xFFF0, 0xFFFB),
    // Controls of hieroglyphs, and the filler of the Khitan small script.
    (0x13430, 0x1343F),
    (0x16FE4, 0x16FE4),
    (0x1BCA0, 0x1BCA3),
    // The null notehead, then marks of beams and phrases.
    (0x1D159, 0x1D159),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
];

/// The flags that are made of tags: of England, Scotland and Wales.
const FLAGS: [&str; 3] = [
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}",
];

/// Why a text is no name: the rest of a sentence whose subject is what it is the name of.
pub fn fault(text: &str) -> Option<&'static str> {
    if text.chars().any(char::is_control) {
        return Some("must not contain control characters");
    }
    let text = FLAGS.iter().fold(text.to_owned(), |text, flag| text.replace(flag, "\u{1F3F4}"));
    let chars: Vec<char> = text.chars().collect();
    let at = |at: Option<usize>| at.and_then(|at| chars.get(at)).copied();
    let is_useful = |here: usize, c: char| {
        let (before, after) = (at(here.checked_sub(1)), at(Some(here + 1)));
        match c {
            _ if is_joiner(c) => {
                before.is_some_and(|c| joins(c) || is_selector(c)) && after.is_some_and(joins)
            }
            _ if is_selector(c) => before.is_some_and(|before| selects(before, after)),
            _ => false,
        }
    };
    if chars.iter().enumerate().any(|(here, c)| is_hidden(*c) && !is_useful(here, *c)) {
        return Some("must not contain characters that do not show");
    }
    let shows = |c: &char| !c.is_whitespace() && !is_hidden(*c) && !is_combining_mark(*c);
    (!chars.iter().any(shows)).then_some("must have a character that shows")
}

fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    // The last two of each plane are no characters.
    code & 0xFFFE == 0xFFFE || HIDDEN.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

/// Zero width joiner and non-joiner.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// A selector of the variant of the character before it.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{180B}'..='\u{180D}' | '\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Whether a joiner or a selector beside it may show: what it belongs to comes after the Latin, Greek, Cyrillic, Armenian and Hebrew
/// scripts, of which one block is further on.
fn joins(c: char) -> bool {
    c >= '\u{600}' && !('\u{1D00}'..='\u{1FFF}').contains(&c) && !c.is_whitespace() && !is_hidden(c)
}

/// Whether there may be another variant of a character: also of the two signs that are emoji and of keycaps.
fn selects(before: char, after: Option<char>) -> bool {
    let is_keycap = matches!(before, '0'..='9' | '#' | '*') && after == Some('\u{20E3}');
    joins(before) || matches!(before, '\u{A9}' | '\u{AE}') || is_keycap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_the_world_are_names() {
        for name in [
            "Ann",
            "Zoë O'Neil-Smith, jr. (2)",
            "Nguyễn Thị Ánh",
            "Αλίκη Иванова Անի עדי",
            "山田 太郎",
            "山田\u{3000}太郎",
            // An ideograph in another form.
            "辻\u{E0100}",
            "김 철수",
            "علی\u{200C}رضا",
            "क\u{94D}\u{200D}ष",
            "ශ\u{DCA}\u{200D}රී",
            "ᠮᠣᠩᠭᠣᠯ\u{180B}",
            "e\u{301}",
            "👩\u{200D}💻",
            "👨🏽\u{200D}🦰 Bo",
            "🏳\u{FE0F}\u{200D}🌈",
            "❤\u{FE0F}",
            "1\u{FE0F}\u{20E3}",
            "©\u{FE0F}",
            FLAGS[1],
            "v1.0",
            "…",
            "-",
        ] {
            assert_eq!(fault(name), None, "{name:?}");
        }
    }

    #[test]
    fn what_does_not_show_is_part_of_no_name() {
        for hidden in [
            "\u{AD}",
            "\u{34F}",
            "\u{61C}",
            "\u{115F}",
            "\u{180E}",
            "\u{200B}",
            "\u{200C}",
            "\u{200D}",
            "\u{200E}",
            "\u{2028}",
            "\u{202E}",
            "\u{2060}",
            "\u{2066}",
            "\u{2800}",
            "\u{3164}",
            "\u{FE0F}",
            "\u{FEFF}",
            "\u{FFA0}",
            "\u{FFFB}",
            "\u{FFFF}",
            "\u{13437}",
            "\u{1D173}",
            "\u{E0001}",
            "\u{E0041}",
            "\u{E0100}",
        ] {
            for name in [format!("Al{hidden}ice"), format!("{hidden}Alice"), format!("Alice{hidden}")] {
                assert_eq!(fault(&name), Some("must not contain characters that do not show"), "{name:?}");
            }
            assert!(fault(hidden).is_some(), "{hidden:?}");
        }
        for name in [
            // Joiners and selectors with nothing to join or to select.
            "山\u{200D}",
            "\u{200D}山",
            "山\u{200D} 太",
            "山\u{200D}\u{200D}太",
            "山\u{FE00}\u{FE00}",
            "a\u{FE0F}",
            "1\u{FE0F}",
            "1\u{200D}\u{20E3}",
            "ế\u{200C}ế",
            // A flag that is none.
            "\u{1F3F4}\u{E0041}\u{E007F}",
        ] {
            assert_eq!(fault(name), Some("must not contain characters that do not show"), "{name:?}");
        }
    }

    #[test]
    fn a_name_shows_and_has_one_line() {
        for name in ["\u{301}", " \u{301}", "\u{A0}", "\u{3000}\u{2003}", "", " "] {
            assert_eq!(fault(name), Some("must have a character that shows"), "{name:?}");
        }
        for name in ["a\nb", "a\0", "\u{85}"] {
            assert_eq!(fault(name), Some("must not contain control characters"), "{name:?}");
        }
    }

    #[test]
    fn the_ranges_are_in_order() {
        assert!(HIDDEN.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert!(HIDDEN.iter().all(|(first, last)| first <= last));
    }
}
