using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv;
using Cellcast.Models.ScSurv.Pan;
using Cellcast.Tensors;
using Spectre.Console;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary><c>cellcast scsurv pan</c>: cell types and genes that are adverse or favourable in several cohorts.</summary>
internal sealed class ScSurvPanCommand : CellcastCommand
{
    private const int FewSharedGenes = 50;
    private static readonly PanOptions s_defaults = new();

    private readonly Argument<string[]> _fits = new("FIT") { Description = "Folders that 'cellcast scsurv fit' has filled, one per cohort, as DIR or NAME=DIR.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string?> _table = new("--table") { Description = "Table of cohorts: column cohort, and fit (a finished fit) or reference and bulk with options of 'scsurv fit' as further columns; these are fitted first.", HelpName = "FILE" };
    private readonly Option<string?> _labels = new("--labels") { Description = "Table with columns label, name and perhaps cohort: names under which cell types of different references meet.", HelpName = "FILE" };
    private readonly Option<bool> _upper = new("--upper-case-genes") { Description = "Compare names of genes in upper case (orthologues such as Cd8a and CD8A)." };
    private readonly ChoiceOption<GeneEffect> _geneEffect = new("--gene-effect", "Effect of a gene: slope, the contribution per standard deviation of its rate over cells; or correlation of the two (Fisher's z), which few cohorts without a signal make look surer than it is.", GeneEffect.Slope,
        ("slope", GeneEffect.Slope), ("correlation", GeneEffect.Correlation));
    private readonly ChoiceOption<HeterogeneityEstimator> _heterogeneity = new("--heterogeneity", "Estimator of the variance between cohorts: restricted maximum likelihood, or DerSimonian and Laird.", s_defaults.Heterogeneity,
        ("reml", HeterogeneityEstimator.RestrictedMaximumLikelihood), ("dl", HeterogeneityEstimator.DerSimonianLaird));
    private readonly ChoiceOption<MeanInterval> _interval = new("--interval", "Interval and test of the mean: hartung-knapp; modified, the same but never shorter than normal; or normal, which is too sure of few cohorts that differ.", s_defaults.Interval,
        ("hartung-knapp", MeanInterval.HartungKnapp), ("modified", MeanInterval.HartungKnappAtLeastNormal), ("normal", MeanInterval.Normal));
    private readonly Option<int> _least = NumberOptions.Whole("--min-cohorts", "Least number of cohorts that have a type or gene.", s_defaults.MinimumCohorts, least: 2);
    private readonly Option<double> _level = NumberOptions.Real("--level", "Level of q.", s_defaults.Level, 0, 1);

    public ScSurvPanCommand() : base("pan", "Cell types and genes that are adverse or favourable in several cohorts: random-effects meta-analysis of their fits.", OutputKind.ResumableFolder, usesSeed: true)
    {
        Arguments.Add(_fits);
        foreach (Option o in (Option[])[_table, _labels, _upper, _geneEffect, _heterogeneity, _interval, _least, _level]) Options.Add(o);
        AddExample("cellcast scsurv pan fit-gbm fit-pdac fit-luad --labels synonyms.csv --out pan", "cohorts that are fitted already");
        AddExample("cellcast scsurv pan --table cohorts.csv --out pan", "fit each row of the table, then put them together; --resume goes on after an interruption");
    }

    protected internal override void Run(CommandContext context)
    {
        if (context.Resume && context.Directory.IsComplete)
        {
            context.Log.Info("the run in this folder is complete: nothing to resume.");
            return;
        }
        ParseResult a = context.Arguments;
        PanCohort[] cohorts = [.. PanCohorts.OfFolders(a.GetValue(_fits) ?? []), .. a.GetValue(_table) is { } file ? PanCohorts.OfTable(file) : []];
        if (cohorts.Length < 2) throw new UsageException($"{(cohorts.Length == 0 ? "no cohort is" : "only one cohort is")} given: name at least two folders of 'cellcast scsurv fit', or a --table of cohorts.");
        foreach (PanCohort c in cohorts)
            if (c.Name.Length == 0 || c.Name.StartsWith('.') || c.Name.Any(x => x is '/' or '\\' || char.IsControl(x))) throw new UsageException($"'{c.Name}' is no name for a cohort: give another with NAME=DIR, or in the table.");
        if (cohorts.GroupBy(c => c.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1)?.Key is { } twice) throw new UsageException($"two cohorts are called '{twice}': give them names of their own as NAME=DIR, or in the table.");
        string own = Path.Combine(context.Directory.FullPath, PanCohorts.FitsFolder) + Path.DirectorySeparatorChar;
        if (cohorts.FirstOrDefault(c => c.Folder is not null && (Path.GetFullPath(c.Folder) + Path.DirectorySeparatorChar).StartsWith(own, StringComparison.Ordinal)) is { } inside)
            throw new UsageException($"the fit '{inside.Folder}' lies among the earlier results in '{context.Directory.FullPath}', which this run would replace: choose another folder with --out.");
        LabelMap labels = a.GetValue(_labels) is { } synonyms ? LabelMap.Read(synonyms, [.. cohorts.Select(c => c.Name)]) : LabelMap.Empty;
        // Before hours of fitting: finished fits must be readable.
        var metrics = cohorts.Where(c => c.Folder is not null).ToDictionary(c => c.Name, c => Finished(c.Folder!), StringComparer.Ordinal);
        if (cohorts.Any(c => c.Folder is null))
        {
            // Marks that there is something to resume.
            AtomicFile.WriteText(Path.Combine(context.Directory.CheckpointFolder, "fits.txt"), string.Join('\n', cohorts.Select(c => c.Name)) + "\n");
        }
        string[] folders = [.. cohorts.Select(c => c.Folder ?? PanCohorts.Fit(context, c))];
        foreach (var (c, folder) in cohorts.Zip(folders)) metrics.TryAdd(c.Name, Finished(folder));

        var options = new PanOptions { Heterogeneity = _heterogeneity.Of(a), Interval = _interval.Of(a), MinimumCohorts = a.GetValue(_least), Level = a.GetValue(_level), UpperCaseGenes = a.GetValue(_upper) };
        GeneEffect gene = _geneEffect.Of(a);
        using var device = new CpuDevice(context.Threads);
        CohortEffects[] effects = [.. cohorts.Zip(folders, (c, folder) => Effects(context, device, c.Name, folder, labels, gene))];
        if (effects.FirstOrDefault(e => e.Outcome != effects[0].Outcome) is { } other)
            throw new InputException($"'{effects[0].Name}' explains a {effects[0].Outcome.ToString().ToLowerInvariant()} outcome and '{other.Name}' a {other.Outcome.ToString().ToLowerInvariant()} one: effects on different scales cannot be averaged.");
        context.Cancellation.ThrowIfCancellationRequested();
        context.Log.Info("meta-analysis");
        PanAnalysis analysis = PanAnalysis.Run(effects, options, context.Threads);
        Warn(context, analysis, options);
        Write(context, analysis, options, gene, cohorts, metrics, effects);
        PanCohorts.Publish(context.Directory);
        Show(context, analysis);
    }

    private static JsonObject Finished(string folder)
    {
        JsonObject metrics = ScSurvReportSource.ReadFitMetrics(folder);
        if (metrics["method"]?.ToString() == "published") throw new InputException($"'{folder}' was fitted with the published method, which has no standard errors to put cohorts together by; fit it again without --method published.");
        return metrics;
    }

    private static CohortEffects Effects(CommandContext context, Device device, string name, string folder, LabelMap labels, GeneEffect gene)
    {
        context.Log.Info($"reading {folder}");
        ScSurvModel model = ScSurvModel.Load(Path.Combine(folder, "model"), device);
        bool labelled = File.Exists(Path.Combine(folder, "cell_types.csv"));
        if (!labelled) context.Log.Warning($"'{name}' was fitted without --label: its clusters have no names that other cohorts know, and only its genes take part.");
        CohortEffects effects = CohortEffects.Of(device, name, model, labelled ? t => labels.NameOf(name, t) : null, gene);
        int upper = effects.Genes.Select(g => g.Name.ToUpperInvariant()).Distinct(StringComparer.Ordinal).Count();
        context.Log.Info($"{name}: {effects.Types.Count} types, {effects.Genes.Count} genes{(upper < effects.Genes.Count ? $" ({effects.Genes.Count - upper} differ from another in case only)" : "")}");
        return effects;
    }

    private static void Warn(CommandContext context, PanAnalysis analysis, PanOptions options)
    {
        if (analysis.Types.Count == 0 && analysis.Genes.Count == 0)
            throw new InputException($"no cell type and no gene is in {options.MinimumCohorts} cohorts: names may differ; see --labels for types and --upper-case-genes for genes.");
        if (analysis.Types.Count == 0) context.Log.Warning($"no cell type is in {options.MinimumCohorts} cohorts: give names under which they meet with --labels.");
        if (analysis.Genes.Count < FewSharedGenes) context.Log.Warning($"only {analysis.Genes.Count} genes are in {options.MinimumCohorts} cohorts: are all cohorts named by symbols? See --upper-case-genes and 'cellcast cohort --gene-map'.");
        if (analysis.Cohorts.Count < 3) context.Log.Warning("two cohorts can hardly show how much cohorts differ: there is no prediction interval, and only very large effects are significant.");
    }

    private static void Write(CommandContext context, PanAnalysis analysis, PanOptions options, GeneEffect gene, PanCohort[] cohorts, Dictionary<string, JsonObject> metrics, CohortEffects[] effects)
    {
        RunDirectory directory = context.Directory;
        PanTables.Of("cell_type", analysis.Types, correlations: false).Write(directory.File("cell_types.csv"));
        PanTables.Of("gene", analysis.Genes, correlations: gene == GeneEffect.Correlation).Write(directory.File("genes.csv"));
        PanTables.Effects(analysis).Write(directory.File("effects.csv"));
        PanTables.LeaveOneOut(analysis).Write(directory.File("leave_one_out.csv"));
        double Number(string cohort, string part, string key) => metrics[cohort][part]?[key] is JsonValue v && v.TryGetValue(out double d) ? d : double.NaN;
        string[] names = [.. cohorts.Select(c => c.Name)];
        CsvFile table = new CsvFile().Add("cohort", names)
            .Add("patients", [.. names.Select(n => Number(n, "dimensions", "patients"))])
            .Add("events", [.. names.Select(n => Number(n, "dimensions", "events"))])
            .Add("cells", [.. names.Select(n => Number(n, "dimensions", "cells"))])
            .Add("cell_types", [.. effects.Select(e => e.Types.Count)])
            .Add("genes", [.. effects.Select(e => e.Genes.Count)])
            .Add("test_concordance", [.. names.Select(n => Number(n, "concordance", "test"))])
            .Add("test_concordance_se", [.. names.Select(n => Number(n, "concordance", "test_se"))]);
        table.Write(directory.File("cohorts.csv"));
        JsonObject summary = PanTables.Summary(analysis, options, gene);
        summary["version"] = CommandHost.Version;
        summary["warnings"] = new JsonArray([.. context.Log.Warnings.Select(w => (JsonNode)w)]);
        AtomicFile.WriteText(directory.File(PanReportSource.SummaryFile), summary.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
        ReportFiles.TryWrite(context, () => PanReport.From(new PanReportSource
        {
            Name = Path.GetFileName(directory.FullPath),
            Types = PanReportSource.Rows(analysis.Types, analysis.Cohorts),
            Genes = PanReportSource.Rows(analysis.Genes, analysis.Cohorts),
            Cohorts = [.. names.Select(n => new PanReportCohort(n, Number(n, "dimensions", "patients"), Number(n, "dimensions", "events"), Number(n, "dimensions", "cells"), Number(n, "concordance", "test")))],
            Options = options,
            Gene = gene,
            Warnings = context.Log.Warnings,
        }));
        foreach (string part in (string[])["cell_types", "genes"])
            context.Result[part] = new JsonObject { ["tested"] = summary[part]!["tested"]!.DeepClone(), ["adverse"] = summary[part]!["adverse"]!.AsArray().Count, ["favourable"] = summary[part]!["favourable"]!.AsArray().Count };
    }

    private static void Show(CommandContext context, PanAnalysis analysis)
    {
        static string Text(double value) => double.IsNaN(value) ? "-" : value.ToString("0.00", CultureInfo.InvariantCulture);
        var table = new Table().Border(TableBorder.Simple).AddColumns("type", "cohorts", "adverse in", "mean", "95 % interval", "I2", "q", "");
        foreach (PanResult r in analysis.Types)
            table.AddRow(Markup.Escape(r.Name), r.Effects.Length.ToString(CultureInfo.InvariantCulture), r.Positive.ToString(CultureInfo.InvariantCulture), Text(r.Pooled.Mean), $"{Text(r.Pooled.Lower)} to {Text(r.Pooled.Upper)}",
                r.Pooled.I2.ToString("0 %", CultureInfo.InvariantCulture), r.QValue.ToString("0.###", CultureInfo.InvariantCulture), PanTables.Word(r.Verdict) ?? "");
        if (analysis.Types.Count > 0) context.Output.Write(table);
        context.Output.WriteLine($"genes in several cohorts: {analysis.Genes.Count}, adverse {analysis.Genes.Count(g => g.Verdict > 0)}, favourable {analysis.Genes.Count(g => g.Verdict < 0)}");
    }
}
