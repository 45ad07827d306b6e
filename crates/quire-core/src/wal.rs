//! Positions in PostgreSQL's write-ahead log (access/xlog_internal.h).

/// Bytes of a page's header, and of the longer one of the first page in a file.
const HEADER: u64 = 24;
const FIRST_HEADER: u64 = 40;

/// Where the last record ends, by where the next one would begin: that is behind the header of a page of which nothing is written yet,
/// and the same anywhere else. A record that goes over from the page before ends later in its page, because it is aligned.
pub fn end_of_records(next: u64, page_bytes: u64, file_bytes: u64) -> u64 {
    let (in_page, in_file) = (next % page_bytes, next % file_bytes);
    let header = if in_file < page_bytes { FIRST_HEADER } else { HEADER };
    if in_page == header { next - header } else { next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_just_behind_a_header_is_where_nothing_is_written_yet() {
        const PAGE: u64 = 8192;
        const FILE: u64 = 16 << 20;
        let later_page = 3 * FILE + 5 * PAGE;
        for (page, header) in [(later_page, 24), (3 * FILE, 40)] {
            for in_page in (0..PAGE).step_by(8) {
                let end = end_of_records(page + in_page, PAGE, FILE);
                assert_eq!(end, if in_page == header { page } else { page + in_page }, "{in_page} of {page}");
            }
        }
    }
}
