//! Compares the imported project with HEAD of the repository: paths, modes and contents.

use crate::Result;
use crate::git::{Blob, Repo};
use crate::import::Imported;
use crate::plan::{storable_mode, storable_path};
use crate::sql::{explain, explain_call, heading};
use postgres::Client;
use quire_client::Quire;
use quire_client::file::ListFilesAtOptions;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Files whose bytes are read back too; of the others the hash says enough.
const READ_BACK: usize = 500;

/// Path -> (mode, BLAKE3 of the content).
type Tree = BTreeMap<String, (String, String)>;

/// Prints what differs, or how many files are the same. Whether all are.
pub fn verify(client: &mut Client, project: Uuid, repo: &Repo, imported: &Imported) -> Result<bool> {
    heading("Verification");
    let expected = git_tree(repo, imported)?;
    let explained = |error: postgres::Error| explain(&error);
    let mut found = Tree::new();
    let sql = "SELECT file_path, mode, content_hash FROM quire.project_files_current WHERE project_id = $1";
    for row in client.query(sql, &[&project]).map_err(explained)? {
        found.insert(row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?));
    }
    let mut differences = compare(&expected, &found, "now");
    let mut then = Tree::new();
    let mut quire = Quire::new(client);
    let explained = |error: quire_client::Error| explain_call(&error);
    let options = ListFilesAtOptions { at_seq: Some(imported.head()), ..Default::default() };
    for file in quire.list_files_at(project.into(), options).map_err(explained)? {
        // This function returns no modes.
        let mode = expected.get(&file.file_path).map_or_else(String::new, |(mode, _)| mode.clone());
        then.insert(file.file_path, (mode, file.content_hash));
    }
    differences.extend(compare(&expected, &then, "at the last imported seq"));

    let mut read_back = 0;
    for (path, (_, hash)) in expected.iter().step_by(expected.len() / READ_BACK + 1) {
        if found.contains_key(path) {
            let bytes =
                quire.read_project_file_bytes(project.into(), path, Default::default()).map_err(explained)?;
            if blake3::hash(&bytes).to_hex().as_str() != hash {
                differences.push(format!("{path}: the bytes read back differ"));
            }
            read_back += 1;
        }
    }
    if differences.is_empty() {
        println!(
            "verified {} files against git's HEAD, {read_back} of them by reading the bytes back",
            expected.len()
        );
    } else {
        differences.iter().for_each(|difference| println!("DIFFERENT {difference}"));
    }
    Ok(differences.is_empty())
}

/// The files of HEAD that can be stored; the others are in the report of the import.
fn git_tree(repo: &Repo, imported: &Imported) -> Result<Tree> {
    let mut blobs = repo.blobs()?;
    let mut tree = Tree::new();
    for entry in repo.tree()? {
        let (Ok(path), Ok(mode)) = (storable_path(&entry.path), storable_mode(&entry.mode)) else { continue };
        if imported.missing.contains_key(&path) {
            continue;
        }
        let Blob::Bytes(bytes) = blobs.read(&entry.blob, u64::MAX)? else { continue };
        tree.insert(path, (mode.as_str().to_owned(), blake3::hash(&bytes).to_hex().to_string()));
    }
    Ok(tree)
}

fn compare(expected: &Tree, found: &Tree, when: &str) -> Vec<String> {
    let mut differences = Vec::new();
    for (path, file) in expected {
        match found.get(path) {
            None => differences.push(format!("{path}: not there {when}")),
            Some(other) if other != file => {
                differences.push(format!("{path}: {other:?} {when}, in git {file:?}"))
            }
            Some(_) => {}
        }
    }
    let extra = found.keys().filter(|path| !expected.contains_key(*path));
    differences.extend(extra.map(|path| format!("{path}: there {when}, but not in git")));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_found() {
        let file = |hash: &str| ("100644".to_owned(), hash.to_owned());
        let git = Tree::from([
            ("a".to_owned(), file("1")),
            ("b".to_owned(), file("2")),
            ("c".to_owned(), file("3")),
        ]);
        let mut quire = git.clone();
        assert!(compare(&git, &quire, "now").is_empty());
        quire.remove("a");
        quire.insert("b".to_owned(), file("0"));
        quire.insert("d".to_owned(), file("4"));
        assert_eq!(compare(&git, &quire, "now").len(), 3);
    }
}
