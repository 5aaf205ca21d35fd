using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.Analysis.GeneSets;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Hosting;
using Spectre.Console;

namespace Cellcast.Cli.Commands.Analysis;

/// <summary><c>cellcast enrich</c>: which gene sets stand at the ends of a ranking of genes.</summary>
internal sealed class EnrichCommand : CellcastCommand
{
    private const int Shown = 8;

    private static readonly EnrichmentOptions s_defaults = new();

    private readonly Option<string> _ranking = new("--ranking", "-r") { Description = "Table of genes with a number each: genes.csv of 'scsurv fit', markers.csv of 'analyze --markers 0', or any csv or tsv.", HelpName = "FILE", Required = true };
    private readonly Option<string> _sets = new("--gene-sets", "-g") { Description = "Gene sets: .gmt, .json, or a table with the columns name and gene.", HelpName = "FILE", Required = true };
    private readonly Option<string> _out = new("--out", "-o") { Description = "The table to write.", HelpName = "FILE.csv", Required = true };
    private readonly Option<string?> _gene = new("--gene") { Description = "Column with the names of the genes; 'gene' or the first when left out.", HelpName = "COLUMN" };
    private readonly Option<string?> _by = new("--by") { Description = "Column with the numbers that rank the genes; 'score', 'pearson' or the first with numbers when left out.", HelpName = "COLUMN" };
    private readonly Option<string?> _group = new("--group") { Description = "Column that splits the table into several rankings; 'group' when left out and there.", HelpName = "COLUMN" };
    private readonly Option<int?> _top = NumberOptions.WholeOrNone("--top", "Instead of the whole ranking test the N highest genes for over-representation among all of the table.");
    private readonly Option<int> _minimum = NumberOptions.Whole("--min-size", "Fewest genes of a set that must be ranked.", s_defaults.MinimumSize, least: 1);
    private readonly Option<int> _maximum = NumberOptions.Whole("--max-size", "Most genes of a set that may be ranked.", s_defaults.MaximumSize, least: 1);
    private readonly Option<int> _permutations = NumberOptions.Whole("--permutations", "Random sets of each size that p-values come from.", s_defaults.Permutations, least: 1);
    private readonly Option<double> _weight = NumberOptions.Real("--weight", "Power of the number in the weight of a gene; 0 for the unweighted statistic.", s_defaults.Weight, 0, 10);

    public EnrichCommand() : base("enrich", "Which gene sets stand at the ends of a ranking of genes (gene set enrichment analysis).", OutputKind.File, usesSeed: true)
    {
        foreach (Option o in (Option[])[_ranking, _sets, _out, _gene, _by, _group, _top, _minimum, _maximum, _permutations, _weight]) Options.Add(o);
        AddExample("cellcast enrich --ranking fit/genes.csv --gene-sets hallmark.gmt --out pathways.csv", "which pathways go with a worse prognosis");
        AddExample("cellcast enrich --ranking analysis/markers.csv --gene-sets hallmark.gmt --top 100 --out pathways.csv", "in the marker genes of every cluster");
    }

    protected internal override void Run(CommandContext context)
    {
        ParseResult a = context.Arguments;
        string target = a.GetValue(_out)!, path = a.GetValue(_ranking)!;
        if (!target.EndsWith(".csv", StringComparison.OrdinalIgnoreCase)) throw new UsageException($"--out '{target}' must end in .csv.");
        if (a.GetValue(_maximum) < a.GetValue(_minimum)) throw new UsageException("--max-size is below --min-size.");
        context.CheckOutputFile(target);
        IReadOnlyList<GeneSet> sets = GeneSet.Read(a.GetValue(_sets)!);
        RankingTable table = RankingTable.Read(path, a.GetValue(_gene), a.GetValue(_by), a.GetValue(_group));
        context.Log.Info($"{path}: genes in '{table.GeneColumn}', ranked by '{table.ByColumn}'{(table.GroupColumn is null ? "" : $", one ranking for each '{table.GroupColumn}'")}");
        if (table.Unranked > 0) context.Log.Info($"{table.Unranked:N0} {(table.Unranked == 1 ? "row without a number takes" : "rows without a number take")} no part");
        var file = a.GetValue(_top) is { } top ? OverRepresented(context, table, sets, top) : Enriched(context, table, sets);
        file.Write(target);
        context.Result["out"] = Path.GetFullPath(target);
    }

    private CsvFile Enriched(CommandContext context, RankingTable table, IReadOnlyList<GeneSet> sets)
    {
        ParseResult a = context.Arguments;
        var options = new EnrichmentOptions { MinimumSize = a.GetValue(_minimum), MaximumSize = a.GetValue(_maximum), Permutations = a.GetValue(_permutations), Weight = a.GetValue(_weight), Seed = context.Seed };
        var rows = new List<(string? Group, EnrichedSet Set)>();
        foreach (var ranking in table.Rankings)
        {
            var found = PreRankedEnrichment.Of(ranking.Genes, ranking.Values, sets, table.Path, options, context.Threads, context.Cancellation);
            rows.AddRange(found.Sets.Select(s => (ranking.Group, s)));
            context.Log.Info(string.Create(CultureInfo.InvariantCulture, $"{Of(ranking)}{found.Genes:#,0} genes, {found.Sets.Count:#,0} sets tested ({found.TooSmall:#,0} too small, {found.TooLarge:#,0} too large), {found.Sets.Count(s => s.QValue < 0.05):#,0} with q < 0.05"));
            if (table.GroupColumn is null) Show(context, found.Sets);
        }
        context.Result["sets"] = rows.Count;
        context.Result["significant"] = rows.Count(r => r.Set.QValue < 0.05);
        return Groups(table, rows.Select(r => r.Group)).Add("set", [.. rows.Select(r => r.Set.Name)]).Add("size", [.. rows.Select(r => r.Set.Size)]).Add("score", [.. rows.Select(r => r.Set.Score)])
            .Add("normalized_score", [.. rows.Select(r => r.Set.NormalizedScore)]).Add("p", [.. rows.Select(r => r.Set.PValue)]).Add("q", [.. rows.Select(r => r.Set.QValue)])
            .Add("fdr", [.. rows.Select(r => r.Set.FalseDiscoveryRate)]).Add("leading_edge", [.. rows.Select(r => string.Join(' ', r.Set.LeadingEdge))]);
    }

    private CsvFile OverRepresented(CommandContext context, RankingTable table, IReadOnlyList<GeneSet> sets, int top)
    {
        ParseResult a = context.Arguments;
        // Sets may be small and large here unless it was said otherwise.
        int minimum = a.GetResult(_minimum) is { Implicit: false } ? a.GetValue(_minimum) : 5, maximum = a.GetResult(_maximum) is { Implicit: false } ? a.GetValue(_maximum) : 2000;
        string[] background = [.. table.Rankings.SelectMany(r => r.Genes).Distinct(StringComparer.Ordinal)];
        var rows = new List<(string? Group, OverRepresentedSet Set)>();
        foreach (var ranking in table.Rankings)
        {
            string[] chosen = [.. Enumerable.Range(0, ranking.Genes.Length).OrderByDescending(i => ranking.Values[i]).ThenBy(i => ranking.Genes[i], StringComparer.Ordinal).Select(i => ranking.Genes[i]).Distinct(StringComparer.Ordinal).Take(top)];
            if (chosen.Length == background.Length) throw new UsageException($"--top {top} takes all {chosen.Length} genes of '{table.Path}': there are none to compare with. For marker genes run 'cellcast analyze --markers 0'.");
            var found = OverRepresentation.Of(chosen, background, sets, table.Path, minimum, maximum);
            rows.AddRange(found.Select(s => (ranking.Group, s)));
            context.Log.Info(string.Create(CultureInfo.InvariantCulture, $"{Of(ranking)}{chosen.Length:#,0} of {background.Length:#,0} genes, {found.Count:#,0} sets tested, {found.Count(s => s.QValue < 0.05):#,0} with q < 0.05{(found[0].QValue < 0.05 ? $", first {found[0].Name}" : "")}"));
        }
        context.Result["sets"] = rows.Count;
        context.Result["significant"] = rows.Count(r => r.Set.QValue < 0.05);
        return Groups(table, rows.Select(r => r.Group)).Add("set", [.. rows.Select(r => r.Set.Name)]).Add("size", [.. rows.Select(r => r.Set.Size)]).Add("overlap", [.. rows.Select(r => r.Set.Overlap)])
            .Add("fold_enrichment", [.. rows.Select(r => r.Set.FoldEnrichment)]).Add("p", [.. rows.Select(r => r.Set.PValue)]).Add("q", [.. rows.Select(r => r.Set.QValue)]).Add("genes", [.. rows.Select(r => string.Join(' ', r.Set.Genes))]);
    }

    private static string Of(RankingTable.Ranking ranking) => ranking.Group is null ? "" : ranking.Group + ": ";

    private static CsvFile Groups(RankingTable table, IEnumerable<string?> groups) => table.GroupColumn is null ? new CsvFile() : new CsvFile().Add("group", [.. groups]);

    private static void Show(CommandContext context, IReadOnlyList<EnrichedSet> sets)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("gene set", "genes", "normalised score", "q", "leading edge");
        void Add(IEnumerable<EnrichedSet> some)
        {
            foreach (var s in some)
                table.AddRow(Markup.Escape(s.Name), s.Size.ToString(CultureInfo.InvariantCulture), s.NormalizedScore.ToString("0.00", CultureInfo.InvariantCulture), s.QValue.ToString("0.0000", CultureInfo.InvariantCulture),
                    Markup.Escape(string.Join(' ', s.LeadingEdge.Take(5)) + (s.LeadingEdge.Count > 5 ? " …" : "")));
        }
        Add(sets.Where(s => s.NormalizedScore > 0).Take(Shown));
        Add(sets.Where(s => s.NormalizedScore < 0).TakeLast(Shown));
        context.Output.Write(table);
    }
}
