using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.Survival;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>What a fit of scSurv explains, and what higher values of it mean, in words.</summary>
/// <param name="Kind">Kind of outcome.</param>
/// <param name="Name">Column with the outcome.</param>
/// <param name="Positive">What yes is called; for a binary outcome.</param>
internal sealed record OutcomeMeaning(OutcomeKind Kind, string Name, string Positive)
{
    internal bool IsSurvival => Kind == OutcomeKind.Survival;

    /// <summary>What the report answers.</summary>
    internal string Question => Kind switch
    {
        OutcomeKind.Survival => "Which single cells go with shorter or longer survival of patients",
        OutcomeKind.Binary => $"Which single cells go with '{Clip(Positive)}' of {Clip(Name)}",
        _ => $"Which single cells go with higher {Clip(Name)} of patients",
    };

    /// <summary>What a higher contribution goes with.</summary>
    internal string Higher => Kind switch { OutcomeKind.Survival => "worse prognosis", OutcomeKind.Binary => $"'{Clip(Positive)}' more likely", _ => $"higher {Clip(Name)}" };

    /// <summary>What a lower contribution goes with.</summary>
    internal string Lower => Kind switch { OutcomeKind.Survival => "better prognosis", OutcomeKind.Binary => $"'{Clip(Positive)}' less likely", _ => $"lower {Clip(Name)}" };

    /// <summary>As <see cref="Higher"/>, in a word or two.</summary>
    internal string HigherShort => Kind == OutcomeKind.Survival ? "worse" : Higher;

    internal static OutcomeMeaning Of(ScSurvReportSource source) => Of(source.Patients, source.Metrics);

    /// <summary>What <c>metrics.json</c> says or, of earlier versions, the columns of <c>patients.csv</c>.</summary>
    internal static OutcomeMeaning Of(DataFrame patients, JsonObject metrics)
    {
        JsonNode? said = metrics["outcome"];
        OutcomeKind kind = patients.Contains("probability") ? OutcomeKind.Binary : patients.Contains("expected") ? OutcomeKind.Continuous : OutcomeKind.Survival;
        return new OutcomeMeaning(kind, said?["response"]?.ToString() ?? "outcome", said?["positive"]?.ToString() ?? "1");
    }

    private static string Clip(string text) => text.Length <= 40 ? text : text[..39] + "…";
}
