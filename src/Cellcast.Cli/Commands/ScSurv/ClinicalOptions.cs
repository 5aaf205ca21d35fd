using System.CommandLine;
using Cellcast.Analysis.Clinical;
using Cellcast.AnnData;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv;
using Cellcast.Survival;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary>Options that say what a cohort is modelled for, and which patients and covariates take part.</summary>
internal sealed class ClinicalOptions
{
    private readonly ChoiceOption<OutcomeKind> _outcome = new("--outcome", "What to explain: survival, or the column --response that is binary (yes / no) or continuous.", OutcomeKind.Survival,
        ("survival", OutcomeKind.Survival), ("binary", OutcomeKind.Binary), ("continuous", OutcomeKind.Continuous));
    private readonly Option<string?> _response = new("--response") { Description = "Column of the cohort with a binary or continuous outcome.", HelpName = "COLUMN" };
    private readonly Option<string?> _covariates = new("--covariates") { Description = "Columns of the cohort to adjust for, such as age,sex,stage:categorical,grade:ref=G1. Numbers are numeric, texts categorical.", HelpName = "COLUMN,…" };
    private readonly ChoiceOption<MissingCovariates> _missing = new("--missing", "Missing covariates: the median with an indicator, or a level of its own; the median, or the most frequent level; or refused.", MissingCovariates.Indicator,
        ("indicator", MissingCovariates.Indicator), ("median", MissingCovariates.Median), ("refuse", MissingCovariates.Refuse));
    private readonly Option<string?> _strata = new("--strata") { Description = "Column of the cohort with groups that have a baseline hazard of their own.", HelpName = "COLUMN" };
    private readonly Option<string?> _entry = new("--entry") { Description = "Column of the cohort with the time from which a patient is under observation (left truncation).", HelpName = "COLUMN" };
    private readonly Option<string?> _weights = new("--weights") { Description = "Column of the cohort with weights: what each patient stands for.", HelpName = "COLUMN" };
    private readonly Option<string?> _where = new("--where") { Description = "Use only patients with these values, such as sample_type=Primary or stage=II|III,sex!=unknown.", HelpName = "CONDITIONS" };

    internal IEnumerable<Option> All => [_outcome, _response, _covariates, _missing, _strata, _entry, _weights, _where];

    /// <summary>Reads the options, and refuses those that make no sense together.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="method">Estimator of the contributions.</param>
    /// <param name="time">Column of the survival time.</param>
    /// <param name="status">Column of the event.</param>
    internal ClinicalDesign Of(ParseResult arguments, HazardMethod method, string time, string status)
    {
        OutcomeKind kind = _outcome.Of(arguments);
        string? response = arguments.GetValue(_response), strata = arguments.GetValue(_strata), entry = arguments.GetValue(_entry), list = arguments.GetValue(_covariates);
        if (kind == OutcomeKind.Survival && response is not null) throw new UsageException("--response holds a binary or continuous outcome: give it with --outcome binary or --outcome continuous.");
        if (kind != OutcomeKind.Survival && response is null) throw new UsageException($"--outcome {kind.ToString().ToLowerInvariant()} needs --response: name the column of the cohort that holds it.");
        if (kind != OutcomeKind.Survival && (strata ?? entry) is not null) throw new UsageException($"{(strata is not null ? "--strata" : "--entry")} is for survival: with --outcome {kind.ToString().ToLowerInvariant()} name the column under --covariates instead.");
        var design = new ClinicalDesign { Kind = kind, Response = response, Strata = strata, Entry = entry, Weights = arguments.GetValue(_weights), Missing = _missing.Of(arguments) };
        try
        {
            design = design with { Covariates = list is null ? [] : CovariateRequest.ParseList(list) };
        }
        catch (InputException e)
        {
            throw new UsageException("--covariates: " + e.Message);
        }
        try
        {
            if (arguments.GetValue(_where) is { } conditions) PatientFilter.Check(conditions);
        }
        catch (InputException e)
        {
            throw new UsageException("--where: " + e.Message);
        }
        if (strata is not null && design.Covariates.Any(c => c.Column == strata))
            throw new UsageException($"both --strata and --covariates name '{strata}': within strata it is the same for all, so leave it out of one of them.");
        string[] outcome = kind == OutcomeKind.Survival ? [time, status] : [response!];
        foreach (var (option, column) in ((string, string?)[])[.. design.Covariates.Select(c => ("--covariates", (string?)c.Column)), ("--strata", strata), ("--entry", entry), ("--weights", design.Weights)])
            if (column is not null && outcome.Contains(column)) throw new UsageException($"{option} names '{column}', which is the outcome itself: what is to be explained must not explain it, leave it out.");
        if (method == HazardMethod.Published && !design.IsPlain)
            throw new UsageException("--method published knows survival times and events only: leave --outcome, --covariates, --strata, --entry and --weights out, or use the default method.");
        return design;
    }

    /// <summary>Refuses one column as sample and as cell type: differences between types would be taken out as differences between samples.</summary>
    internal static void RequireDifferent(string? batch, string? label)
    {
        if (batch is not null && batch == label) throw new UsageException($"--batch and --label both name '{batch}': --batch takes the column with the sample of each cell, leave it out where there is none.");
    }

    /// <summary>The patients that --where chooses; all without it.</summary>
    internal AnnotatedData Chosen(CommandContext context, AnnotatedData bulk)
    {
        if (context.Arguments.GetValue(_where) is not { } conditions) return bulk;
        int[] rows = PatientFilter.Rows(bulk.Obs, bulk.Source ?? "the cohort", conditions);
        context.Log.Info($"{rows.Length} of {bulk.ObservationCount} patients meet {conditions}");
        return bulk.SelectObservations(rows);
    }
}
