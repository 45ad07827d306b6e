//! UCANs. Input: the payloads of a chain, the newest first, in which `{p}` stands for a project, `{0}` to `{2}` for people, and `{prf}`
//! for the CID of the UCAN behind it. Each is signed by the person whose number its `iss` has, without code of quire.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use fuzz::{accepted, pieces};
use libfuzzer_sys::fuzz_target;
use quire_core::ability::Need;
use quire_core::key::DocKey;
use quire_core::submission::Submission;
use quire_core::ucan::{Did, MAX_PROOFS, MAX_UCAN_BYTES, Ucan, check_cid, cid_of};

const PROJECT: &str = "01890a5d-ac96-774b-bcce-b302099a8058";
const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;

fn key(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number + 1; 32])
}

fn did(number: u8) -> String {
    let bytes = [&[0xed, 0x01][..], key(number).verifying_key().as_bytes()].concat();
    format!("did:key:z{}", bs58::encode(bytes).into_string())
}

/// A UCAN of this payload, signed by whom it names.
fn sign(payload: &str, proof: &str) -> String {
    let issuer = (0..3).find(|number| payload.contains(&format!(r#""iss":"{{{number}}}""#))).unwrap_or(0);
    let mut payload = payload.replace("{p}", PROJECT).replace("{prf}", proof);
    for number in 0..3 {
        payload = payload.replace(&format!("{{{number}}}"), &did(number));
    }
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(payload));
    let signature = key(issuer).sign(signed.as_bytes()).to_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn verified(token: &str, proofs: &[&str], root: u8) -> Option<Ucan> {
    accepted(Ucan::verify(token, proofs)).filter(|ucan| ucan.root().as_str() == did(root))
}

fuzz_target!(|data: &[u8]| {
    let texts: Result<Vec<&str>, _> = pieces(data).map(str::from_utf8).collect();
    let Ok(texts) = texts else { return };
    // As they are, too: nobody can have signed them.
    for text in &texts {
        assert!(verified(text, &[text], 0).is_none(), "a text is signed by nobody");
        let _ = accepted(check_cid(text));
        if let Some(did) = Did::read(text) {
            assert_eq!(did.as_str(), *text, "a did has one form");
        }
    }
    let mut chain: Vec<String> = Vec::new();
    for payload in texts.iter().rev().take(MAX_PROOFS) {
        let proof = chain.last().map(|token| cid_of(token)).unwrap_or_default();
        chain.push(sign(payload, &proof));
    }
    let Some((token, proofs)) = chain.split_last() else { return };
    let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
    let Some(ucan) = verified(token, &proofs, 0) else { return };
    assert!(token.len() <= MAX_UCAN_BYTES);
    assert_eq!((ucan.root().as_str(), ucan.cid()), (did(0).as_str(), cid_of(token).as_str()));
    assert!(ucan.window().before.is_some(), "it never ends");
    // Only the root's own may come without a proof, and nobody else's root accepts it.
    assert!(ucan.issuer().as_str() == did(0) || ucan.cids().count() > 1, "rights from nowhere");
    assert!(verified(token, &proofs, 1).is_none(), "it is addressed to somebody else");
    let mut forged = token.clone().into_bytes();
    if let Some(last) = forged.iter_mut().rev().nth(1) {
        *last = if *last == b'A' { b'B' } else { b'A' };
    }
    let forged = String::from_utf8(forged).expect("ASCII");
    assert!(verified(&forged, &proofs, 0).is_none(), "any signature does");
    assert!(!ucan.allows(Need::ReadFiles) && !ucan.allows(Need::WriteSome) && !ucan.allows(Need::ReadEvents));
    let doc = DocKey::main("a/b").expect("a name");
    let nothing = Submission::of(&[]).expect("nothing to count");
    let writes = ucan.allows(Need::WriteDoc(&doc));
    assert!(!writes || ucan.allows(Need::SubmitDoc(&doc, &nothing)), "what may write may submit");
    assert!(!ucan.allows(Need::SubmitDoc(&doc, &nothing)) || ucan.allows(Need::WriteSomeDoc));
    assert!(!ucan.allows(Need::WriteBranches) || writes);
    assert!(!ucan.allows(Need::WriteAny) || ucan.allows(Need::WriteSomeDoc));
    assert!(ucan.is_bound() || writes == ucan.allows(Need::SubmitDoc(&doc, &nothing)));
});
