//! Tables and plots: printed, and written into the docs.

use std::{fmt::Write as _, fs, path::Path};

use plotters::prelude::*;

/// One thing that was measured.
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// What is compared, and how.
    pub text: &'static str,
    /// The heads of the columns.
    pub columns: Vec<String>,
    /// The cells.
    pub rows: Vec<Vec<String>>,
    /// Budgets, what came of them, and whether they were met.
    pub budgets: Vec<Budget>,
    /// A picture of it.
    pub plot: Option<Plot>,
}

/// A figure that is to be at most, or at least, some other.
pub struct Budget {
    /// What it is about.
    pub of: String,
    /// What it came to.
    pub is: f64,
    /// What it may come to.
    pub budget: f64,
    /// Whether more is better.
    pub at_least: bool,
}

impl Budget {
    /// A budget for a cost.
    pub fn at_most(of: impl Into<String>, is: f64, budget: f64) -> Self {
        Self {
            of: of.into(),
            is,
            budget,
            at_least: false,
        }
    }

    /// A budget for a gain.
    pub fn at_least(of: impl Into<String>, is: f64, budget: f64) -> Self {
        Self {
            of: of.into(),
            is,
            budget,
            at_least: true,
        }
    }

    /// Whether it was met.
    pub fn is_met(&self) -> bool {
        match self.at_least {
            true => self.is >= self.budget,
            false => self.is <= self.budget,
        }
    }

    fn line(&self) -> String {
        let bound = if self.at_least { "at least" } else { "at most" };
        let met = if self.is_met() { "met" } else { "**missed**" };
        format!(
            "{}: {:.3} ({bound} {}: {met})",
            self.of, self.is, self.budget
        )
    }
}

/// Lines over a scale that grows by factors.
pub struct Plot {
    /// Its file's name, without an ending.
    pub name: &'static str,
    /// What is to the right.
    pub x: &'static str,
    /// What is upwards.
    pub y: &'static str,
    /// The lines, by name.
    pub lines: Vec<(&'static str, Vec<(f64, f64)>)>,
}

impl Section {
    /// The section as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n{}\n\n", self.title, self.text);
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        text += &row(&self.columns);
        text += &row(&vec!["---".to_owned(); self.columns.len()]);
        for cells in &self.rows {
            text += &row(cells);
        }
        text.push('\n');
        for budget in &self.budgets {
            let _infallible = writeln!(text, "* {}", budget.line());
        }
        if !self.budgets.is_empty() {
            text.push('\n');
        }
        if let Some(plot) = &self.plot {
            let _infallible = writeln!(
                text,
                "![{} over {}](images/{}.svg)\n",
                plot.y, plot.x, plot.name
            );
        }
        text
    }
}

impl Plot {
    /// Draws it into a folder.
    pub fn draw(&self, folder: &Path) {
        const COLOURS: [RGBColor; 6] = [
            RGBColor(0x0b, 0x6e, 0x4f),
            RGBColor(0xb0, 0x3a, 0x2e),
            RGBColor(0x1f, 0x4e, 0x8c),
            RGBColor(0x8e, 0x44, 0xad),
            RGBColor(0xb9, 0x77, 0x0e),
            RGBColor(0x5d, 0x6d, 0x7e),
        ];
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(format!("{}.svg", self.name));
        let points = || self.lines.iter().flat_map(|(_, points)| points.iter());
        let range = |of: fn(&(f64, f64)) -> f64| {
            let (low, high) = points()
                .map(of)
                .fold((f64::MAX, f64::MIN), |(low, high), it| {
                    (low.min(it), high.max(it))
                });
            (low, high)
        };
        let (left, right) = range(|point| point.0);
        let (bottom, top) = range(|point| point.1);
        let root = SVGBackend::new(&path, (760, 420)).into_drawing_area();
        root.fill(&WHITE).unwrap();
        let mut chart = ChartBuilder::on(&root)
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(
                (left..right * 1.1).log_scale(),
                (bottom * 0.8..top * 1.3).log_scale(),
            )
            .unwrap();
        chart
            .configure_mesh()
            .x_desc(self.x)
            .y_desc(self.y)
            .light_line_style(WHITE)
            .draw()
            .unwrap();
        for ((name, points), colour) in self.lines.iter().zip(COLOURS) {
            let style = colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new(points.iter().copied(), style).point_size(3))
                .unwrap()
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .draw()
            .unwrap();
        root.present().unwrap();
    }
}

/// A figure with as many digits as it is worth.
pub fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
