//! The tables.

use crate::measure::median;
use std::time::Duration;

/// What is measured, which decides how it is shown and what is better.
#[derive(Clone, Copy, PartialEq)]
pub enum Unit {
    /// Transactions per second: more is better.
    PerSecond,
    /// Less is better.
    Milliseconds,
    /// Less is better.
    Bytes,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Unit::PerSecond => format!("{value:.0} /s"),
            Unit::Milliseconds if value < 10.0 => format!("{value:.2} ms"),
            Unit::Milliseconds => format!("{value:.1} ms"),
            Unit::Bytes => format!("{:.2} MB", value / 1e6),
        }
    }

    /// Speeds are compared so that more is better for quire, sizes so that less is.
    fn ratio(self, quire: f64, baseline: f64) -> f64 {
        match self {
            Unit::PerSecond | Unit::Bytes => quire / baseline,
            Unit::Milliseconds => baseline / quire,
        }
    }

    fn goal(self, ratio: f64, goal: f64) -> String {
        let (sign, met) = if self == Unit::Bytes { ("<=", ratio <= goal) } else { (">=", ratio >= goal) };
        format!("{sign} {goal} {}", if met { "met" } else { "missed" })
    }
}

/// One comparison: the values of each round on both sides.
pub struct Row {
    pub what: String,
    pub unit: Unit,
    pub quire: Vec<f64>,
    pub baseline: Vec<f64>,
    /// The ratio to reach.
    pub goal: Option<f64>,
}

impl Row {
    /// What, quire, baseline, ratio, spread, goal.
    fn cells(&self) -> [String; 6] {
        let (quire, baseline) = (median(&self.quire), median(&self.baseline));
        let ratio = self.unit.ratio(quire, baseline);
        let rounds = self.quire.iter().zip(&self.baseline).map(|(q, b)| self.unit.ratio(*q, *b));
        let (low, high) = rounds.fold((f64::INFINITY, 0f64), |(low, high), r| (low.min(r), high.max(r)));
        [
            self.what.clone(),
            self.unit.show(quire),
            self.unit.show(baseline),
            format!("{ratio:.2}"),
            if self.quire.len() > 1 { format!("{low:.2} - {high:.2}") } else { String::new() },
            self.goal.map(|goal| self.unit.goal(ratio, goal)).unwrap_or_default(),
        ]
    }
}

/// Comparisons that belong together.
pub struct Section {
    pub title: String,
    pub rows: Vec<Row>,
    pub notes: Vec<String>,
}

const HEADINGS: [&str; 6] = ["", "quire", "baseline", "ratio", "of the rounds", "goal"];

impl Section {
    /// As plain text or Markdown.
    pub fn render(&self, markdown: bool) -> String {
        let mut table = vec![HEADINGS.map(str::to_owned)];
        table[0][0].clone_from(&self.title);
        table.extend(self.rows.iter().map(Row::cells));
        let widths: Vec<usize> = (0..HEADINGS.len())
            .map(|column| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        let mut out = String::new();
        for (index, row) in table.iter().enumerate() {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, width))| match column {
                    0 | 5 => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                })
                .collect();
            let line = if markdown {
                format!("| {} |", cells.join(" | "))
            } else {
                format!("  {}", cells.join("  "))
            };
            out.push_str(if markdown { &line } else { line.trim_end() });
            out.push('\n');
            if index == 0 {
                out.push_str(&rule(&widths, markdown));
            }
        }
        if markdown && !self.notes.is_empty() {
            out.push('\n');
        }
        for note in &self.notes {
            out.push_str(&format!("{}{note}\n", if markdown { "- " } else { "    " }));
        }
        out
    }
}

fn rule(widths: &[usize], markdown: bool) -> String {
    if !markdown {
        return format!("  {}\n", "-".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1)));
    }
    let columns: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(column, width)| match column {
            0 | 5 => "-".repeat(width + 2),
            _ => format!("{}:", "-".repeat(width + 1)),
        })
        .collect();
    format!("|{}|\n", columns.join("|"))
}

/// What the numbers were made on.
pub fn header(facts: &[(String, String)], markdown: bool) -> String {
    let line = |(name, value): &(String, String)| {
        if markdown { format!("- {name}: {value}\n") } else { format!("{name:>10}  {value}\n") }
    };
    facts.iter().map(line).collect()
}

/// How to read the tables.
pub fn legend(elapsed: Duration, markdown: bool) -> String {
    let indent = if markdown { "" } else { "  " };
    let lines = [
        "Values are medians of the rounds. Ratio: of throughputs quire / baseline, of times baseline / quire, so above 1".to_owned(),
        "quire is faster; of sizes quire / baseline, so below 1 quire is smaller. The next column has the lowest and the".to_owned(),
        format!("highest ratio of a single round. The run took {} s.", elapsed.as_secs()),
    ];
    lines.map(|line| format!("{indent}{line}\n")).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_above_one_means_faster_and_below_one_smaller() {
        let row = |unit, quire: f64, baseline: f64, goal| {
            Row { what: "x".into(), unit, quire: vec![quire], baseline: vec![baseline], goal: Some(goal) }
                .cells()
        };
        assert_eq!(row(Unit::PerSecond, 200.0, 100.0, 0.9)[3..], ["2.00", "", ">= 0.9 met"]);
        assert_eq!(row(Unit::Milliseconds, 200.0, 100.0, 0.7)[3..], ["0.50", "", ">= 0.7 missed"]);
        assert_eq!(row(Unit::Bytes, 5e6, 1e7, 0.7)[1..], ["5.00 MB", "10.00 MB", "0.50", "", "<= 0.7 met"]);
    }
}
