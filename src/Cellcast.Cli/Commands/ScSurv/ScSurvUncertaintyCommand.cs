using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv;
using Cellcast.Models.ScSurv.Uncertainty;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;
using Spectre.Console;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary><c>cellcast scsurv uncertainty</c>: how sure a finished fit is.</summary>
internal sealed class ScSurvUncertaintyCommand : CellcastCommand
{
    private static readonly UncertaintyOptions s_defaults = new();

    private readonly Argument<string> _run = new("DIR") { Description = "Folder that 'cellcast scsurv fit' has filled." };
    private readonly Option<int> _bootstrap = Count("--bootstrap", "Times that patients are drawn with replacement; 0 for none.", s_defaults.Bootstrap);
    private readonly Option<int> _permutations = Count("--permutations", "Permutations of follow-up for the tests; 0 for none.", s_defaults.Permutations);
    private readonly Option<double> _effect = new("--effect") { Description = "Sd of the log hazard that the power is given for.", HelpName = "X", DefaultValueFactory = _ => s_defaults.Effect };
    private readonly Option<string?> _group = new("--group") { Description = "Column of the cells to summarise by; the cell types of the fit when left out.", HelpName = "COLUMN" };

    public ScSurvUncertaintyCommand() : base("uncertainty", "How sure a finished fit is: intervals, tests of any signal, of types and genes, power.", OutputKind.Folder, usesSeed: true)
    {
        Arguments.Add(_run);
        foreach (Option o in (Option[])[_bootstrap, _permutations, _effect, _group]) Options.Add(o);
        AddExample("cellcast scsurv uncertainty fit --out fit-uncertainty", "200 resampled cohorts and 999 permutations, about a minute");
    }

    protected internal override void Run(CommandContext context)
    {
        ParseResult a = context.Arguments;
        string folder = a.GetValue(_run)!;
        if (a.GetValue(_effect) is not (> 0 and <= 10)) throw new UsageException("--effect takes a number above 0 and at most 10.");
        if (a.GetValue(_bootstrap) == 1) throw new UsageException("--bootstrap takes 0 or at least 2.");
        JsonObject metrics = ScSurvReportSource.ReadFitMetrics(folder);
        context.Log.Info($"reading {folder}");
        ScSurvReportSource source = ScSurvReportSource.Read(folder, metrics, context.Threads);
        using var device = new CpuDevice(context.Threads);
        ScSurvModel model = ScSurvModel.Load(Path.Combine(folder, "model"), device);
        ContributionModel contributions = model.Contributions ?? throw new InputException($"'{folder}' was fitted with the published method, which has no likelihood to take intervals from; fit it again without --method published.");
        var (outcome, covariates, names) = Learned(source, model, contributions, folder);
        var (codes, groups) = Groups(source, contributions, a.GetValue(_group), folder);
        context.Log.Info("decoding genes");
        var input = new UncertaintyInput
        {
            Fit = contributions.Fit,
            CellFeatures = contributions.CellFeatures,
            PatientFeatures = contributions.PatientFeatures,
            PatientVariance = contributions.PatientVariance,
            Outcome = outcome,
            Variance = model.Clinical?.Variance,
            GroupOf = codes,
            Groups = groups,
            GeneFeatures = GeneFeatures.Of(device, model, contributions.CellFeatures, context.Threads),
        };
        var options = new UncertaintyOptions { Bootstrap = a.GetValue(_bootstrap), Permutations = a.GetValue(_permutations), Effect = a.GetValue(_effect), Ties = model.Options.Ties, Fit = new ContributionOptions { Covariates = covariates, CovariateNames = [.. model.Clinical?.Terms.Select(t => t.Name) ?? []] } };
        UncertaintyAnalysis analysis = UncertaintyAnalysis.Run(input, options, RandomKey.From(context.Seed, "uncertainty"), context.Threads, context.Progress, context.Cancellation);
        if (analysis.Caution is { } caution) context.Log.Warning(caution);

        RunDirectory directory = context.Directory;
        UncertaintyTables.Of("cell", source.Cells.Obs.Index, "contribution", analysis.Cells, ("group", [.. codes.Select(c => c < 0 ? null : groups[c])])).Write(directory.File("cells.csv"));
        UncertaintyTables.Of("cell_type", groups, "contribution", analysis.Types).Write(directory.File("cell_types.csv"));
        UncertaintyTables.Of("gene", model.Genes, "correlation", analysis.Genes).Write(directory.File("genes.csv"));
        UncertaintyTables.Of("patient", names, "linear_predictor", analysis.Patients).Write(directory.File("patients.csv"));
        if (analysis.Power.Count > 0) UncertaintyTables.Power(analysis.Power).Write(directory.File("power.csv"));
        JsonObject summary = UncertaintyTables.Summary(analysis, input, options);
        summary["version"] = CommandHost.Version;
        summary["seed"] = context.Seed;
        AtomicFile.WriteText(directory.File("uncertainty.json"), summary.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
        H5adFile.Write(directory.File("cells.h5ad"), UncertaintyTables.Cells(source.Cells, analysis, codes));
        Show(context, analysis, groups, outcome);
        if (analysis.Signal is { } signal) context.Result["signal_p"] = signal.PValue;
        context.Result["caution"] = analysis.Caution;
    }

    private static (Outcome Outcome, double[]? Covariates, string[] Names) Learned(ScSurvReportSource source, ScSurvModel fitted, ContributionModel model, string folder)
    {
        string?[] split = source.Patients.Require("split", Path.Combine(folder, "patients.csv")).ToText();
        int expected = model.PatientFeatures.Length / model.Basis.Features;
        // All patients after a fit's last step, or those that are not held out.
        int[] learned = [.. Enumerable.Range(0, split.Length).Where(i => expected == split.Length || split[i] is "train" or "validation")];
        if (learned.Length != expected) throw new InputException($"'{folder}': patients.csv has {split.Length} patients, {learned.Length} of them for training and validation, but the model was fitted to {expected}; the files belong to different runs.");
        string path = Path.Combine(folder, DesignFile.Name);
        bool known = File.Exists(path);
        foreach (string option in (string[])["--covariates", "--strata", "--entry", "--weights"])
            if (!known && source.Settings.GetValueOrDefault(option) is { Length: > 0 } given)
                throw new InputException($"'{folder}' was fitted with {option} {given} but has no {DesignFile.Name}, which holds it for each patient: an earlier version wrote none; fit it again.");
        var (outcome, covariates) = DesignFile.Read(source.Patients, Path.Combine(folder, "patients.csv"), known ? TextTable.Read(path) : null, fitted.Clinical?.Kind ?? OutcomeKind.Survival, learned);
        if (covariates is not null && covariates.Length != learned.Length * (fitted.Clinical?.Terms.Count ?? 0)) throw new InputException($"'{path}': has other covariates than the model; the files belong to different runs.");
        return (outcome, covariates, [.. learned.Select(i => source.Patients.Index[i])]);
    }

    private static (int[] Codes, IReadOnlyList<string> Names) Groups(ScSurvReportSource source, ContributionModel model, string? column, string folder)
    {
        if (column is null) return (model.TypeOf, model.Types);
        CategoricalColumn given = CategoricalColumn.FromLabels(source.Cells.Obs.Require(column, Path.Combine(folder, "cells.h5ad")).ToText());
        return (given.Codes, given.Categories);
    }

    private static void Show(CommandContext context, UncertaintyAnalysis analysis, IReadOnlyList<string> groups, Outcome outcome)
    {
        static string Text(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
        if (analysis.Signal is { } signal)
            context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"any signal: p = {signal.PValue:0.####} ({outcome.Count} patients{(outcome.Kind == OutcomeKind.Continuous ? "" : $", {outcome.Information} {(outcome.Kind == OutcomeKind.Survival ? "events" : "with the rarer outcome")}")}, {signal.Permutations} permutations)"));
        var table = new Table().Border(TableBorder.Simple).AddColumns("type", "contribution", "95 % interval", "P(adverse)", "p", "q");
        foreach (int k in Enumerable.Range(0, groups.Count).OrderByDescending(k => analysis.Types[k].Posterior.Value).ThenBy(k => k))
        {
            QuantityUncertainty t = analysis.Types[k];
            table.AddRow(Markup.Escape(groups[k]), Text(t.Posterior.Value), $"{Text(t.Posterior.Lower)} to {Text(t.Posterior.Upper)}", Text(t.Posterior.ProbabilityPositive),
                t.Test is null ? "-" : t.Test.P.ToString("0.###", CultureInfo.InvariantCulture), t.Test is null ? "-" : t.Test.Q.ToString("0.###", CultureInfo.InvariantCulture));
        }
        context.Output.Write(table);
    }

    private static Option<int> Count(string name, string description, int value)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };
        option.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && (!int.TryParse(r.Tokens[0].Value, out int n) || n is < 0 or > 1_000_000)) r.AddError($"{name} takes a whole number from 0 to 1000000, not '{r.Tokens[0].Value}'.");
        });
        return option;
    }
}
