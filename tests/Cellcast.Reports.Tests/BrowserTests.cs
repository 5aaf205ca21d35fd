using System.Text;
using System.Xml.Linq;
using Cellcast.TestSupport;
using Microsoft.Playwright;

namespace Cellcast.Reports.Tests;

/// <summary>What a reader of a report may rely on, in a real browser.</summary>
public class BrowserTests(Browser browser) : IClassFixture<Browser>
{
    private const string Chromium = "chromium";

    public static TheoryData<string, int, int> Looks() => new() { { "light", 1200, 900 }, { "dark", 1200, 900 }, { "light", 390, 800 } };

    [ToolTheory(Chromium)]
    [MemberData(nameof(Looks))]
    public async Task Every_tab_shows_its_part_without_errors_requests_or_overflow(string colors, int width, int height)
    {
        await using var report = await browser.Open(SampleReport.Create(), width, height, colors == "dark" ? ColorScheme.Dark : ColorScheme.Light);
        string[] tabs = await report.Tabs();
        Assert.Equal(["summary", "patients", "cells", "markers", "quality", "types", "genes", "tissue", "cohorts", "evaluation", "training", "run"], tabs);
        string folder = Directory.CreateDirectory(Path.Combine(TestPaths.Root, "artifacts", "report-screenshots")).FullName;
        foreach (string tab in tabs)
        {
            ILocator panel = await report.Show(tab);
            Assert.True(await panel.IsVisibleAsync(), tab);
            Assert.True(await panel.Locator(".card").CountAsync() > 0, tab);
            if (tab != "run") Assert.True(await panel.Locator("figure svg path, figure svg circle, figure canvas").CountAsync() > 0, tab);
            Assert.True(await report.Page.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth") <= 0, $"{tab} is wider than the window");
            await report.Page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{tab}-{colors}-{width}.png"), FullPage = true });
        }
        Assert.Equal(colors, await report.Page.EvaluateAsync<string>("document.documentElement.dataset.theme"));
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task Parts_without_data_have_no_tab()
    {
        ReportData full = SampleReport.Create();
        await using var report = await browser.Open(full with { Cells = null, Quality = null, Markers = null, Spots = null, Pooled = null, Evaluation = null, Training = null, TrainingRuns = null });
        Assert.Equal(["summary", "patients", "types", "genes", "run"], await report.Tabs());
        foreach (string tab in await report.Tabs()) await report.Show(tab);
        Assert.Empty(report.Troubles);
    }

    [ToolTheory(Chromium)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Hovering_a_cell_tells_what_it_is_and_its_legend_entry_hides_it(bool webGl)
    {
        await using var report = await browser.Open(SampleReport.Create(), webGl: webGl);
        ILocator panel = await report.Show("cells");
        Assert.Equal(webGl ? "webgl" : "image", await panel.Locator("canvas").GetAttributeAsync("data-renderer"));
        ILocator tooltip = report.Page.Locator(".tooltip");

        await HoverMiddle();
        // 121 cells on a grid: number 60 is in the middle, and of type 60 % 3.
        await Assertions.Expect(tooltip).ToContainTextAsync("cell 60");
        await Assertions.Expect(tooltip).ToContainTextAsync("Neuron");
        int before = await Painted(panel);
        Assert.True(before > 1000);

        await panel.Locator("select").Nth(1).SelectOptionAsync(new SelectOptionValue { Label = "label" });
        ILocator entry = panel.Locator("button.entry", new() { HasText = "Neuron" });
        await entry.ClickAsync();
        await Assertions.Expect(entry).ToHaveAttributeAsync("aria-pressed", "false");
        await report.Page.Mouse.MoveAsync(1, 1);
        await HoverMiddle();
        await Assertions.Expect(tooltip).ToBeHiddenAsync();
        int after = await Painted(panel);
        Assert.InRange(after, before * 0.55, before * 0.75); // a third of the cells is gone
        Assert.Empty(report.Troubles);

        async Task HoverMiddle()
        {
            var box = (await panel.Locator("canvas").BoundingBoxAsync())!;
            await report.Page.Mouse.MoveAsync(box.X + box.Width / 2 + 1, box.Y + box.Height / 2);
        }
    }

    [ToolFact(Chromium)]
    public async Task Names_of_groups_hide_neither_small_groups_nor_one_another()
    {
        // A few cells in the very middle of a large group, two groups of the same middle, and one beside.
        string[] types = ["A large type of many cells", "Tiny", "Upper half", "Lower half"];
        var points = new List<(double X, double Y, int Type)>();
        void Disc(int type, int count, double x, double y, double radius, Func<double, double, bool>? keep = null)
        {
            for (int i = 0; i < count; i++)
            {
                double r = radius * Math.Sqrt((i + 0.5) / count), angle = i * 2.399963;
                if (keep is null || keep(r * Math.Cos(angle), r * Math.Sin(angle))) points.Add((x + r * Math.Cos(angle), y + r * Math.Sin(angle), type));
            }
        }
        Disc(0, 500, 0, 0, 10);
        Disc(1, 8, 0, 0, 0.5);
        Disc(2, 200, 28, 0, 6, (x, y) => y > Math.Sin(3 * x));
        Disc(3, 200, 28, 0, 6, (x, y) => y <= Math.Sin(3 * x));
        ReportData data = SampleReport.Create() with
        {
            Cells = new CellSection
            {
                Count = points.Count,
                Names = [.. points.Select((_, i) => "cell " + i)],
                Embeddings = [new Embedding("UMAP", "UMAP 1", "UMAP 2", [.. points.Select(p => (float)p.X)], [.. points.Select(p => (float)p.Y)])],
                Groups = [new PointGroups("label", types, [.. points.Select(p => p.Type)])],
                GroupsFirst = true,
            },
        };
        await using var report = await browser.Open(data);
        ILocator figure = (await report.Show("cells")).Locator("figure").First;
        var (texts, tiny) = await Drawn();
        Assert.Equal(types.Order(StringComparer.Ordinal), texts.Select(t => t.Text).Order(StringComparer.Ordinal));
        foreach (var (text, left, right, y) in texts)
        {
            Assert.DoesNotContain(tiny, p => p.X > left && p.X < right && Math.Abs(p.Y - y) < 6);
            Assert.DoesNotContain(texts, t => t.Text != text && t.Right > left && t.Left < right && Math.Abs(t.Y - y) < 12);
            Assert.InRange(left, 0, right);
        }
        // The small group's name is beside it.
        var own = texts.Single(t => t.Text == "Tiny");
        Assert.InRange(tiny.Min(p => Math.Max(Math.Max(own.Left - p.X, p.X - own.Right), Math.Abs(p.Y - own.Y))), 0, 40);
        Assert.Equal(texts, (await Drawn()).Texts);
        Assert.Empty(report.Troubles);

        async Task<((string Text, double Left, double Right, double Y)[] Texts, (double X, double Y)[] Tiny)> Drawn()
        {
            XElement svg = XElement.Parse(Encoding.UTF8.GetString(await report.Download(figure.Locator("button", new() { HasTextRegex = new("^SVG$") }))));
            static double Number(XElement e, string name) => double.Parse(e.Attribute(name)!.Value, System.Globalization.CultureInfo.InvariantCulture);
            XElement[] circles = [.. svg.Descendants().Where(e => e.Name.LocalName == "circle" && e.Ancestors().Any(a => a.Attribute("clip-path") is not null))];
            string rare = circles.GroupBy(c => c.Attribute("fill")!.Value).MinBy(g => g.Count())!.Key;
            return ([.. svg.Descendants().Where(e => e.Name.LocalName == "text" && (string?)e.Attribute("paint-order") == "stroke")
                    .Select(e => (e.Value, Number(e, "x") - 3.6 * e.Value.Length, Number(e, "x") + 3.6 * e.Value.Length, Number(e, "y") - 4))],
                [.. circles.Where(c => c.Attribute("fill")!.Value == rare).Select(c => (Number(c, "cx"), Number(c, "cy")))]);
        }
    }

    [ToolFact(Chromium)]
    public async Task A_gene_can_be_searched_sorted_found_in_the_picture_and_shown_on_the_cells()
    {
        await using var report = await browser.Open(SampleReport.Create());
        ILocator panel = await report.Show("genes");
        ILocator rows = panel.Locator("tbody tr");
        Assert.Equal("GENE0", await rows.First.Locator("th").InnerTextAsync());
        await panel.Locator("thead button", new() { HasText = "correlation" }).ClickAsync();
        Assert.Equal("ascending", await panel.Locator("thead th").Nth(1).GetAttributeAsync("aria-sort"));
        await panel.Locator("input[type=search]").FillAsync("gene29");
        Assert.Equal(11, await rows.CountAsync()); // GENE29 and GENE290 to GENE299
        await panel.Locator("input[type=search]").FillAsync("gene3");
        string csv = Encoding.UTF8.GetString(await report.Download(panel.Locator("button", new() { HasText = "Download CSV" })));
        string[] lines = csv.TrimEnd('\n').Split('\n');
        Assert.Equal("gene,pearson,q,rate", lines[0]);
        Assert.Equal(12, lines.Length);
        Assert.Contains(lines, l => l.StartsWith($"GENE3,{Math.Cos(3 * 0.1) * 0.9:R},", StringComparison.Ordinal));

        await rows.Locator("button", new() { HasText = "GENE3" }).Last.ScrollIntoViewIfNeededAsync();
        await panel.Locator("tbody button", new() { HasTextRegex = new("^GENE3$") }).ClickAsync();
        await panel.Locator(".picked button").ClickAsync();
        await Assertions.Expect(report.Page.Locator("#panel-cells h3")).ToHaveTextAsync("Cells by GENE3");
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task Every_picture_saves_as_svg_and_png()
    {
        await using var report = await browser.Open(SampleReport.Create(5));
        foreach (string tab in new[] { "patients", "cells", "markers", "quality", "types", "genes", "tissue", "cohorts", "evaluation", "training" })
        {
            ILocator panel = await report.Show(tab);
            foreach (ILocator figure in await panel.Locator("figure").AllAsync())
            {
                string title = await figure.Locator("h3").InnerTextAsync();
                XElement svg = XElement.Parse(Encoding.UTF8.GetString(await report.Download(figure.Locator("button", new() { HasTextRegex = new("^SVG$") }))));
                Assert.Equal("{http://www.w3.org/2000/svg}svg", svg.Name.ToString());
                Assert.Contains(svg.Descendants(), e => e.Name.LocalName == "text" && e.Value == title);
                Assert.True(svg.Descendants().Count(e => e.Name.LocalName is "path" or "circle" or "line" or "rect") > 3, title);
                Assert.DoesNotContain(svg.DescendantsAndSelf().Attributes(), a => a.Value.Contains("NaN", StringComparison.Ordinal));
            }
            byte[] png = await report.Download(panel.Locator("figure button", new() { HasTextRegex = new("^PNG$") }).First);
            Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], png[..4]);
            Assert.True(png.Length > 3000, tab);
        }
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task Marker_genes_are_chosen_by_group_and_shown_on_the_cells_and_quality_by_metric()
    {
        await using var report = await browser.Open(SampleReport.Create());
        ILocator panel = await report.Show("markers");
        ILocator table = panel.Locator("[aria-label^='Marker genes of']");
        Assert.Equal(6, await table.Locator("tbody tr").CountAsync());
        await panel.Locator("label.field", new() { HasText = "Group" }).Locator("select").SelectOptionAsync(new SelectOptionValue { Label = "Myeloid" });
        Assert.Equal(["GENE2", "GENE3"], await table.Locator("tbody th").AllInnerTextsAsync());
        await table.Locator("tbody th button").First.ClickAsync();
        await Assertions.Expect(report.Page.Locator("#panel-cells h3").First).ToContainTextAsync("GENE2");
        await Assertions.Expect(report.Page).ToHaveURLAsync(new System.Text.RegularExpressions.Regex("#cells$"));

        panel = await report.Show("quality");
        await Assertions.Expect(panel.Locator("h3").First).ToContainTextAsync("Genes per label");
        await panel.Locator("select").First.SelectOptionAsync(new SelectOptionValue { Label = "counts" });
        await Assertions.Expect(panel.Locator("h3").First).ToContainTextAsync("Counts per label");
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task Everything_can_be_reached_by_keyboard()
    {
        await using var report = await browser.Open(SampleReport.Create());
        await report.Page.Locator("#tab-summary").FocusAsync();
        await report.Page.Keyboard.PressAsync("ArrowRight");
        await Assertions.Expect(report.Page.Locator("#tab-patients")).ToBeFocusedAsync();
        ILocator survival = report.Page.Locator("#panel-patients figure svg[role=img]").First;
        await survival.FocusAsync();
        for (int k = 0; k < 10; k++) await report.Page.Keyboard.PressAsync("Shift+ArrowRight");
        await Assertions.Expect(report.Page.Locator(".tooltip")).ToContainTextAsync("at risk");
        await report.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(report.Page.Locator(".tooltip")).ToBeHiddenAsync();

        ILocator panel = await report.Show("cells");
        await panel.Locator("svg[role=img]").First.FocusAsync();
        await report.Page.Keyboard.PressAsync("ArrowRight");
        await report.Page.Keyboard.PressAsync("ArrowLeft");
        await Assertions.Expect(report.Page.Locator(".tooltip")).ToContainTextAsync("cell 60");
        await report.Page.Keyboard.PressAsync("End");
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task Differences_that_are_nothing_beside_the_others_read_as_nothing()
    {
        ReportData full = SampleReport.Create();
        double[] differences = [0.6324, -5.5e-6, -1.2], ratios = [2.5, 5.5e-6, 0.7];
        string[] types = ["Astrocyte", "Neuron", "OPC"];
        await using var report = await browser.Open(full with
        {
            Contributions = full.Contributions! with
            {
                Table = new ReportTable([ReportColumn.Of("cell_type", "cell type", types), ReportColumn.Of("mean", "mean", differences), ReportColumn.Of("ratio", "ratio", ratios)]),
                Intervals = new NamedIntervals([.. types.Select((t, k) => new NamedInterval(t, new Interval(differences[k], differences[k] - 1, differences[k] + 1)))], "contribution", "How sure."),
            },
        });
        ILocator panel = await report.Show("types");
        // A ratio has no zero to be near to.
        Assert.Equal(["0.632", "2.50", "0.00", "5.50e\u22126", "\u22121.20", "0.700"], await panel.Locator("tbody td").AllInnerTextsAsync());
        string[] numbers = [.. (await panel.Locator("figure svg text").AllTextContentsAsync()).Where(t => t is "0.632" or "0.00" or "\u22121.20" || t.Contains('e', StringComparison.Ordinal) && t.Contains("\u22126", StringComparison.Ordinal))];
        Assert.Equal(["0.632", "0.00", "\u22121.20"], numbers);
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task A_patient_of_the_table_gets_the_predicted_curve()
    {
        await using var report = await browser.Open(SampleReport.Create());
        ILocator panel = await report.Show("patients");
        Assert.Contains("0.71", await panel.Locator(".lead").InnerTextAsync());
        await panel.Locator("tbody button").First.ClickAsync();
        await Assertions.Expect(panel.Locator(".legend").First).ToContainTextAsync("predicted for patient 33");
        // It ends where the axis ends, though the cohort was followed for longer than this part of it.
        Assert.True(await panel.Locator("figure svg, .figure svg").First.EvaluateAsync<bool>("svg => [...svg.querySelectorAll('path')].every(p => p.getBBox().x + p.getBBox().width <= svg.clientWidth)"));
        await panel.Locator(".segments button", new() { HasText = "Training" }).ClickAsync();
        await Assertions.Expect(panel.Locator(".lead")).ToContainTextAsync("Fitted.");
        Assert.Empty(report.Troubles);
    }

    [ToolTheory(Chromium)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_outcome_that_is_no_survival_has_the_pictures_that_fit_it(bool binary)
    {
        await using var report = await browser.Open(SampleReport.WithOutcome(binary));
        ILocator panel = await report.Show("patients");
        await Assertions.Expect(panel.Locator("h3", new() { HasTextRegex = new("^ROC curve of response$") })).ToHaveCountAsync(binary ? 1 : 0);
        await Assertions.Expect(panel.Locator("h3", new() { HasTextRegex = new("^Calibration$") })).ToHaveCountAsync(binary ? 1 : 0);
        await Assertions.Expect(panel.Locator("h3", new() { HasTextRegex = new("^Observed against expected age$") })).ToHaveCountAsync(binary ? 0 : 1);
        await Assertions.Expect(panel).Not.ToContainTextAsync("risk group");
        string told = await panel.Locator("figure").First.InnerTextAsync();
        Assert.Contains("Held-out patients", told, StringComparison.Ordinal);
        Assert.Contains(binary ? "AUC 0.710" : "R² \u22120.120", told, StringComparison.Ordinal);
        ILocator first = panel.Locator(binary ? "figure circle" : "figure circle").First;
        var box = (await first.BoundingBoxAsync())!;
        await report.Page.Mouse.MoveAsync(box.X + box.Width / 2, box.Y + box.Height / 2);
        await Assertions.Expect(report.Page.Locator(".tooltip")).ToContainTextAsync(binary ? "found" : "expected");
        await panel.Locator(".segments button", new() { HasText = "Training" }).ClickAsync();
        await Assertions.Expect(panel.Locator(".lead")).ToContainTextAsync("Training patients note.");
        await report.Show("summary");
        Assert.Equal(2, await report.Page.Locator("#panel-summary figure").CountAsync());
        Assert.Empty(report.Troubles);
    }

    [ToolTheory(Chromium)]
    [InlineData("light", 1200)]
    [InlineData("dark", 390)]
    public async Task Reports_of_other_outcomes_and_of_evaluations_fit_every_window(string colors, int width)
    {
        string folder = Directory.CreateDirectory(Path.Combine(TestPaths.Root, "artifacts", "report-screenshots")).FullName;
        foreach (var (name, data) in new[] { ("binary", SampleReport.WithOutcome(true)), ("continuous", SampleReport.WithOutcome(false)), ("test-cells", SampleReport.OfAnEvaluation()) })
        {
            await using var report = await browser.Open(data, width, 900, colors == "dark" ? ColorScheme.Dark : ColorScheme.Light);
            foreach (string tab in await report.Tabs())
            {
                await report.Show(tab);
                Assert.True(await report.Page.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth") <= 0, $"{name}, {tab} is wider than the window");
                if (tab is "summary" or "patients" or "cells") await report.Page.ScreenshotAsync(new() { Path = Path.Combine(folder, $"{name}-{tab}-{colors}-{width}.png"), FullPage = true });
            }
            Assert.Empty(report.Troubles);
        }
    }

    [ToolFact(Chromium)]
    public async Task A_cell_type_of_several_cohorts_is_shown_in_each_and_in_a_further_one()
    {
        await using var report = await browser.Open(SampleReport.Create(), 1280, 900);
        ILocator panel = await report.Show("cohorts");
        Assert.Equal(["Neuron", "Myeloid", "Malignant"], await panel.Locator("select option").AllInnerTextsAsync());
        await panel.Locator("select").SelectOptionAsync("2");
        string[] rows = [.. (await panel.Locator("section.card figure svg text").AllTextContentsAsync()).Where(t => t.Length > 0)];
        foreach (string name in (string[])["GBM", "PDAC", "mean", "a further cohort"]) Assert.Contains(name, rows);
        await panel.Locator("tbody button", new() { HasTextRegex = new("^Neuron$") }).ClickAsync();
        Assert.Equal("0", await panel.Locator("select").InputValueAsync());
        Assert.DoesNotContain("a further cohort", await panel.Locator("section.card figure svg text").AllTextContentsAsync());
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task Test_cells_are_coloured_by_right_and_wrong_and_cells_without_a_place_are_left_out()
    {
        await using var report = await browser.Open(SampleReport.OfAnEvaluation());
        ILocator panel = await report.Show("cells");
        Assert.Contains("121 test cells", await panel.Locator(".lead").InnerTextAsync(), StringComparison.Ordinal);
        Assert.Contains("Of the first fold.", await panel.Locator("figcaption").InnerTextAsync(), StringComparison.Ordinal);
        int some = await Painted(panel);
        await panel.Locator("select").First.SelectOptionAsync(new SelectOptionValue { Label = "UMAP" });
        await Assertions.Expect(panel.Locator("figcaption")).Not.ToContainTextAsync("Of the first fold.");
        int whole = await Painted(panel);
        Assert.InRange(some / (double)whole, 0.45, 0.58); // 61 of 121 cells
        await panel.Locator("select").Nth(1).SelectOptionAsync(new SelectOptionValue { Label = "right or wrong" });
        await Assertions.Expect(panel.Locator("h3")).ToHaveTextAsync("Test cells by right or wrong");
        await panel.Locator("button.entry", new() { HasText = "right" }).ClickAsync();
        Assert.InRange(await Painted(panel) / (double)whole, 0.08, 0.14); // 13 of 121
        // A cell tells its given and predicted label, whatever the colour shows.
        var box = (await panel.Locator("canvas").BoundingBoxAsync())!;
        await report.Page.Mouse.MoveAsync(box.X + box.Width / 2 + 1, box.Y + box.Height / 2);
        ILocator tooltip = report.Page.Locator(".tooltip");
        foreach (string text in new[] { "cell 60", "given label", "predicted label", "wrong", "confidence" }) await Assertions.Expect(tooltip).ToContainTextAsync(text);
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task Regions_of_tissue_have_the_colours_of_high_and_low_and_only_a_picture_needs_spots_to_be_seen_through()
    {
        ReportData data = SampleReport.Create();
        SpotSection spots = data.Spots! with { Groups = [new PointGroups("regions", ["high 1", "high 2", "low 1"], [.. Enumerable.Range(0, data.Spots!.Names.Length).Select(i => i % 5 - 1 is var k && k < 3 ? k : -1)], Sides: [1, 1, -1])] };
        await using var report = await browser.Open(data with { Spots = spots });
        ILocator panel = await report.Show("tissue");
        Assert.Equal(1, await panel.Locator("input[type=range]").CountAsync());
        await panel.Locator("select").First.SelectOptionAsync(new SelectOptionValue { Label = "regions" });
        await Assertions.Expect(panel.Locator("h3").First).ToHaveTextAsync("Tissue by regions");
        int[][] colours = await panel.Locator("button.entry .mark").EvaluateAllAsync<int[][]>("m => m.map(e => getComputedStyle(e).getPropertyValue('--c').trim()).map(c => [1, 3, 5].map(k => parseInt(c.slice(k, k + 2), 16)))");
        Assert.Equal(4, colours.Length);
        Assert.All(colours[..2], c => Assert.True(c[0] > c[2] + 60, string.Join(',', c)));
        Assert.True(colours[2][2] > colours[2][0] + 60);
        Assert.NotEqual(colours[0], colours[1]);
        Assert.InRange(colours[3].Max() - colours[3].Min(), 0, 20); // of no region: grey

        await using var without = await browser.Open(data with { Spots = spots with { Image = null } });
        Assert.Equal(0, await (await without.Show("tissue")).Locator("input[type=range]").CountAsync());
        Assert.Empty(report.Troubles);
        Assert.Empty(without.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task Spots_that_all_have_the_average_hazard_have_the_colour_of_the_average()
    {
        ReportData data = SampleReport.Create();
        SpotSection spots = data.Spots! with { Values = [new PointValues("hazard", [.. data.Spots!.Names.Select(_ => 1f)], "hazard", 1, true)] };
        await using var report = await browser.Open(data with { Spots = spots });
        ILocator panel = await report.Show("tissue");
        IReadOnlyList<string> texts = await panel.Locator("svg[aria-label='hazard'] text").AllTextContentsAsync();
        // The average in the middle, as much below it as above.
        foreach (string tick in new[] { "0.368", "1.00", "2.72" }) Assert.Contains(tick, texts);
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task Folds_of_a_training_are_lines_of_one_picture_and_can_be_hidden()
    {
        await using var report = await browser.Open(SampleReport.OfAnEvaluation());
        ILocator figure = (await report.Show("training")).Locator("figure", new() { HasText = "Validation macro-F1" });
        Assert.Equal(["fold 1", "fold 2", "fold 3"], await figure.Locator("button.entry").AllInnerTextsAsync());
        int lines = await figure.Locator("svg path[d^=M]").CountAsync();
        await figure.Locator("button.entry").First.ClickAsync();
        await Assertions.Expect(figure.Locator("svg path[d^=M]")).ToHaveCountAsync(lines - 1);
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task Hostile_names_of_an_outcome_do_no_harm()
    {
        await using var report = await browser.Open(SampleReport.WithOutcome(true, n => n + "<img src=x onerror=\"window.harmed = true\">" + new string('W', 2000)));
        foreach (string tab in await report.Tabs())
        {
            await report.Show(tab);
            Assert.True(await report.Page.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth") <= 0, $"{tab} is wider than the window");
        }
        Assert.False(await report.Page.EvaluateAsync<bool>("'harmed' in window"));
        Assert.Empty(report.Troubles);
    }

    [ToolTheory(Chromium)]
    [InlineData("<script>window.harmed = true</script>")]
    [InlineData("</script><script>window.harmed = true</script><!--<script>")]
    [InlineData("\"'><img src=x onerror=\"window.harmed = true\">&lt;&amp;\\u003c${1}`")]
    [InlineData("\u2028\u2029\0\u0001\ud800 \u202e\ufeff")]
    [InlineData("LONG")]
    public async Task Hostile_names_do_no_harm(string text)
    {
        if (text == "LONG") text = new string('W', 10_000);
        await using var report = await browser.Open(SampleReport.Create(5, n => n + text));
        foreach (string tab in await report.Tabs())
        {
            ILocator panel = await report.Show(tab);
            Assert.True(await panel.Locator(".card").CountAsync() > 0);
            Assert.True(await report.Page.EvaluateAsync<int>("document.documentElement.scrollWidth - innerWidth") <= 0, $"{tab} is wider than the window");
        }
        ILocator cells = await report.Show("cells");
        var box = (await cells.Locator("canvas").BoundingBoxAsync())!;
        await report.Page.Mouse.MoveAsync(box.X + box.Width / 2 + 1, box.Y + box.Height / 2);
        await Assertions.Expect(report.Page.Locator(".tooltip")).ToContainTextAsync("cell 12");
        var tooltip = (await report.Page.Locator(".tooltip").BoundingBoxAsync())!;
        Assert.InRange(tooltip.Height, 10, 400);
        XElement.Parse(Encoding.UTF8.GetString(await report.Download(cells.Locator("button", new() { HasTextRegex = new("^SVG$") }))).Replace("\0", "", StringComparison.Ordinal).Replace("\u0001", "", StringComparison.Ordinal));
        Assert.False(await report.Page.EvaluateAsync<bool>("'harmed' in window"));
        Assert.Equal(0, await report.Page.Locator("img[src=x]").CountAsync());
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task A_hundred_thousand_cells_can_be_drawn_and_pointed_at()
    {
        await using var report = await browser.Open(SampleReport.Create(315)); // 99,225 cells
        ILocator panel = await report.Show("cells");
        var box = (await panel.Locator("canvas").BoundingBoxAsync())!;
        await report.Page.Mouse.MoveAsync(box.X + box.Width / 2, box.Y + box.Height / 2);
        await Assertions.Expect(report.Page.Locator(".tooltip")).ToContainTextAsync("cell 49612");
        Assert.True(await Painted(panel) > 100_000);
        Assert.Empty(report.Troubles);
    }

    [ToolFact(Chromium)]
    public async Task The_whole_report_can_be_printed_in_light_colours()
    {
        await using var report = await browser.Open(SampleReport.Create(5), colors: ColorScheme.Dark);
        await report.Page.EvaluateAsync("() => { window.print = () => { window.printed = [...document.querySelectorAll('.panel')].filter(p => p.querySelector('.view')).length; window.dispatchEvent(new Event('beforeprint')); window.empty = [...document.querySelectorAll('figure .plot > svg')].filter(s => !s.hasChildNodes()).length; window.theme = document.documentElement.dataset.theme; window.dispatchEvent(new Event('afterprint')); }; }");
        await report.Page.Locator("button", new() { HasTextRegex = new("^Print$") }).ClickAsync();
        await report.Page.WaitForFunctionAsync("() => window.printed > 0");
        Assert.Equal((await report.Tabs()).Length, await report.Page.EvaluateAsync<int>("window.printed"));
        Assert.Equal(0, await report.Page.EvaluateAsync<int>("window.empty")); // every picture of every part is drawn
        Assert.Equal("light", await report.Page.EvaluateAsync<string>("window.theme"));
        Assert.Equal("dark", await report.Page.EvaluateAsync<string>("document.documentElement.dataset.theme"));
        Assert.Empty(report.Troubles);
    }

    /// <summary>Pixels of the points' canvas that are not empty.</summary>
    private static Task<int> Painted(ILocator panel) => panel.Locator("canvas").EvaluateAsync<int>("""
        c => {
          const copy = document.createElement('canvas'); copy.width = c.width; copy.height = c.height;
          const pen = copy.getContext('2d'); pen.drawImage(c, 0, 0);
          const d = pen.getImageData(0, 0, c.width, c.height).data;
          let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i] > 20) n++;
          return n;
        }
        """);
}
