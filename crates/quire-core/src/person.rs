//! What people are called and known by: the id of somebody whom a JWT names otherwise than by a uuid, names that a claim gives,
//! and the name that is nobody's but quire's.

use crate::error::{Code, Error, Result};
use crate::id::ActorId;
use crate::name;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;
use uuid::{Uuid, uuid};

/// The namespace in which a `sub` that is no uuid becomes one, by version 5 of RFC 9562. It never changes: who comes back with the
/// same `sub` is the same actor. (It is itself the UUIDv5 of `quire.sub` in the namespace of domain names.)
pub const SUBJECTS: Uuid = uuid!("8198c97e-dc18-5d51-967b-053abe123ed9");

/// Who stands for the built-in actor of other databases: what that did there, nobody's `system` did here.
pub const SYSTEM_ELSEWHERE: Uuid = uuid!("00000000-0000-5000-8000-000000000000");

/// What that one is called.
pub const SYSTEM_ELSEWHERE_NAME: &str = "system of another database";

/// Longest `sub`, in bytes: what OpenID Connect allows.
pub const MAX_SUBJECT_BYTES: usize = 255;
/// Longest name, in characters.
pub const MAX_NAME: usize = 255;

/// The actor that a `sub` is: itself when it is a uuid as uuids are written, in lower case and with hyphens; else one made of it. In any
/// other form a uuid is a text like others: who tells users apart by their `sub` must not find one actor behind two of them.
pub fn of_subject(sub: &str) -> Result<ActorId> {
    let refused = |message: &str| Err(Error::new(Code::Unauthorized, message));
    if sub.is_empty() {
        return refused("the sub of the claims is empty");
    }
    if sub.len() > MAX_SUBJECT_BYTES {
        return refused("the sub of the claims has more than 255 bytes");
    }
    if sub.chars().any(char::is_control) {
        return refused("the sub of the claims has control characters");
    }
    match Uuid::try_parse(sub) {
        Ok(id) if id.hyphenated().to_string() != sub => Ok(ActorId(Uuid::new_v5(&SUBJECTS, sub.as_bytes()))),
        Ok(id) if id.is_nil() || id == SYSTEM_ELSEWHERE => {
            refused("the sub of the claims is not that of a user")
        }
        Ok(id) => Ok(ActorId(id)),
        Err(_) => Ok(ActorId(Uuid::new_v5(&SUBJECTS, sub.as_bytes()))),
    }
}

/// The name that `claim` gives, if it is one: a member of the claims, or a path of members with dots between them.
pub fn claimed_name(claims: &Value, claim: &str) -> Option<String> {
    let found = claims
        .get(claim)
        .or_else(|| claim.split('.').try_fold(claims, |value, member| value.as_object()?.get(member)))?;
    let name = found.as_str()?.trim();
    may_be_called(name).then(|| name.to_owned())
}

/// Whether somebody may be called so.
pub fn may_be_called(name: &str) -> bool {
    name.chars().count() <= MAX_NAME && name::fault(name).is_none() && !is_reserved(name)
}

/// Whether a name says `system` to who reads it, or that of other databases: compared by letters and digits alone, whatever their case,
/// width, style and accents, so that neither blanks and signs nor characters that do not show make another name of it.
pub fn is_reserved(name: &str) -> bool {
    ["system", SYSTEM_ELSEWHERE_NAME].into_iter().any(|reserved| plain(name) == plain(reserved))
}

/// The letters and digits of a name, in small ones.
fn plain(name: &str) -> String {
    name.nfkd().map(unstyled).flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// The letter that a letter in a circle, a square or of a flag is, and the one that a small capital is: normalization leaves these.
fn unstyled(c: char) -> char {
    const SMALL_CAPITALS: [(char, char); 13] = [
        ('ᴀ', 'a'),
        ('ʙ', 'b'),
        ('ᴅ', 'd'),
        ('ᴇ', 'e'),
        ('ꜰ', 'f'),
        ('ʜ', 'h'),
        ('ᴍ', 'm'),
        ('ɴ', 'n'),
        ('ᴏ', 'o'),
        ('ʀ', 'r'),
        ('ꜱ', 's'),
        ('ᴛ', 't'),
        ('ʏ', 'y'),
    ];
    let first = match c {
        '\u{1F150}'..='\u{1F169}' => '\u{1F150}',
        '\u{1F170}'..='\u{1F189}' => '\u{1F170}',
        '\u{1F1E6}'..='\u{1F1FF}' => '\u{1F1E6}',
        _ => return SMALL_CAPITALS.iter().find(|(small, _)| *small == c).map_or(c, |(_, letter)| *letter),
    };
    char::from_u32(u32::from('a') + u32::from(c) - u32::from(first)).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As Python says: uuid.uuid5(uuid.UUID("8198c97e-dc18-5d51-967b-053abe123ed9"), sub).
    #[test]
    fn a_subject_that_is_no_uuid_has_one_in_the_namespace() {
        for (sub, id) in [
            ("auth0|abc", "dcdc10eb-9566-591a-a11e-8ae6a653d1a9"),
            ("user_2x", "9fcef16f-2cee-517c-91ee-b25a22d351f0"),
            ("anna", "24f9c180-3a0b-5942-9359-51d25338ec5c"),
            ("Zoë", "4b3a3599-538e-5f81-931b-7e8f58292086"),
        ] {
            assert_eq!(of_subject(sub).expect(sub).to_string(), id);
        }
        assert_eq!(Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"quire.sub"), SUBJECTS);
    }

    /// The second is the actor that `auth0|abc` is: see the guide. Those after it are as Python says.
    #[test]
    fn a_subject_that_is_a_uuid_is_itself_in_its_one_form_and_a_text_in_others() {
        for (sub, id) in [
            ("00000000-0000-4000-8000-0000000000a1", "00000000-0000-4000-8000-0000000000a1"),
            ("dcdc10eb-9566-591a-a11e-8ae6a653d1a9", "dcdc10eb-9566-591a-a11e-8ae6a653d1a9"),
            ("00000000-0000-4000-8000-0000000000A1", "152c156e-2f22-54a0-a60e-60ac7d8ec741"),
            ("00000000000040008000-0000000000a1", "8e1dce09-1452-513e-bfca-ced800a9f283"),
            ("000000000000400080000000000000a1", "e5b46b3b-a30e-5498-b8dc-62ef79df73dd"),
            ("{00000000-0000-4000-8000-0000000000a1}", "02395757-cbe9-55b4-b1c0-fbb019d59327"),
            ("urn:uuid:00000000-0000-4000-8000-0000000000a1", "1446a8e6-078c-5518-9e96-3bc943382cb1"),
            (" 00000000-0000-4000-8000-0000000000a1", "f955c99a-1e04-5cd9-98af-7af58c4e2ced"),
            // Of the built-in actors, too: nobody comes to be one of them.
            ("00000000000000000000000000000000", "56a37e5e-b3c9-5f21-9a27-715473f9f61a"),
            ("{00000000-0000-5000-8000-000000000000}", "4969cd15-ae5a-5887-bbe7-a27bc4c790d3"),
        ] {
            assert_eq!(of_subject(sub).expect(sub).to_string(), id, "{sub}");
        }
    }

    #[test]
    fn no_subject_is_a_built_in_actor() {
        let long = "x".repeat(MAX_SUBJECT_BYTES);
        assert!(of_subject(&long).is_ok());
        for sub in
            ["", &format!("{long}x"), "a\nb", "a\0b", &Uuid::nil().to_string(), &SYSTEM_ELSEWHERE.to_string()]
        {
            assert_eq!(of_subject(sub).expect_err(sub).code(), Code::Unauthorized);
        }
    }

    #[test]
    fn a_claim_is_found_by_its_name_or_its_path() {
        let claims = json!({
            "name": " Anna ", "email": "a@example.org", "https://example.org/name": "Dotted", "number": 1, "empty": " ",
            "user_metadata": {"full_name": "Anna A.", "first": {"deep": "x"}}, "who": "System", "long": "n".repeat(256),
            "lines": "a\nb", "hidden": "An\u{200b}na", "elsewhere": "System of another database", "list": ["x"]
        });
        for (claim, name) in [
            ("name", Some("Anna")),
            ("email", Some("a@example.org")),
            ("https://example.org/name", Some("Dotted")),
            ("user_metadata.full_name", Some("Anna A.")),
            ("user_metadata.first.deep", Some("x")),
            ("user_metadata", None),
            ("user_metadata.none", None),
            ("name.first", None),
            ("number", None),
            ("empty", None),
            ("who", None),
            ("long", None),
            ("lines", None),
            ("hidden", None),
            ("elsewhere", None),
            ("list", None),
            ("list.0", None),
            ("absent", None),
            ("", None),
        ] {
            assert_eq!(claimed_name(&claims, claim).as_deref(), name, "{claim}");
        }
        assert_eq!(claimed_name(&json!(null), "name"), None);
    }

    #[test]
    fn whatever_reads_as_system_is_reserved() {
        for name in [
            "system",
            "System",
            "SYSTEM",
            " system ",
            "sys tem",
            "s.y.s.t.e.m",
            "(system)",
            "ｓｙｓｔｅｍ",
            "𝓼𝔂𝓼𝓽𝓮𝓶",
            "sy\u{200b}stem",
            "sys\u{ad}tem",
            "system\u{301}",
            "Systém",
            "ſystem",
            "ⓢⓨⓢⓣⓔⓜ",
            "🅂🅈🅂🅃🄴🄼",
            "🅢🅨🅢🅣🅔🅜",
            "🆂🆈🆂🆃🅴🅼",
            "🇸🇾🇸🇹🇪🇲",
            "ꜱʏꜱᴛᴇᴍ",
            SYSTEM_ELSEWHERE_NAME,
            "System of Another Database",
            "ＳＹＳＴＥＭ-of-another-database",
            "ꜱʏꜱᴛᴇᴍ ᴏꜰ ᴀɴᴏᴛʜᴇʀ ᴅᴀᴛᴀʙᴀꜱᴇ",
        ] {
            assert!(is_reserved(name), "{name:?}");
        }
        for name in [
            "systems",
            "system 2",
            "ecosystem",
            "sys",
            "",
            "Anna",
            "another database",
            "system of a database",
        ] {
            assert!(!is_reserved(name), "{name:?}");
        }
    }
}
