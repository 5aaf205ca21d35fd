using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>What a report on a cross-validation is made of: the results in the shapes in which they leave, straight from a run or read from its folder.</summary>
internal sealed record ScRobustReportSource
{
    /// <summary>Macro-F1 of one method in one test.</summary>
    internal sealed record Score(string Method, double Dropout, double MacroF1, double WeightedF1, double Accuracy, double Auc);

    /// <summary>Cells of one class that were called another, or the same.</summary>
    internal sealed record Call(string Method, double Dropout, string True, string Called, double Cells);

    /// <summary>Name of the result.</summary>
    internal required string Name { get; init; }

    /// <summary><c>scores.csv</c>, the model first.</summary>
    internal required IReadOnlyList<Score> Scores { get; init; }

    /// <summary><c>confusion.csv</c>.</summary>
    internal required IReadOnlyList<Call> Calls { get; init; }

    /// <summary><c>cells.csv</c>; null where an earlier version left none.</summary>
    internal DataFrame? Cells { get; init; }

    /// <summary><c>history.csv</c>; null where an earlier version left none.</summary>
    internal DataFrame? History { get; init; }

    /// <summary><c>metrics.json</c>.</summary>
    internal required JsonObject Metrics { get; init; }

    /// <summary>Reads a folder that <c>scrobust evaluate</c> left.</summary>
    /// <exception cref="InputException">It is none, or a file of it is damaged.</exception>
    internal static ScRobustReportSource Read(string folder, JsonObject metrics)
    {
        TextTable scores = Table("scores.csv"), calls = Table("confusion.csv");
        double[] Numbers(TextTable t, string column) => Columns.Parse(t.Require(column));
        string[] Texts(TextTable t, string column) => [.. t.Require(column).Select(x => x ?? "")];
        double[] dropout = Numbers(scores, "dropout"), f1 = Numbers(scores, "macro_f1"), weighted = Numbers(scores, "weighted_f1"), accuracy = Numbers(scores, "accuracy"), auc = Numbers(scores, "auc");
        double[] missing = Numbers(calls, "dropout"), cells = Numbers(calls, "cells");
        string[] given = Texts(calls, "true"), called = Texts(calls, "called"), method = Texts(calls, "method");
        return new ScRobustReportSource
        {
            Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            Scores = [.. Texts(scores, "method").Select((m, i) => new Score(m, dropout[i], f1[i], weighted[i], accuracy[i], auc[i]))],
            Calls = [.. method.Select((m, i) => new Call(m, missing[i], given[i], called[i], cells[i]))],
            Cells = Optional("cells.csv"),
            History = Optional("history.csv"),
            Metrics = metrics,
        };

        DataFrame? Optional(string name) => File.Exists(Path.Combine(folder, name)) ? Table(name).ToDataFrame() : null;

        TextTable Table(string name)
        {
            string path = Path.Combine(folder, name);
            return File.Exists(path) ? TextTable.Read(path) : throw new InputException($"'{folder}': has no {name}, so it is no complete result of 'cellcast scrobust evaluate'.");
        }
    }

    /// <summary>The share of removed genes as it is written in a report.</summary>
    internal static string Removed(double dropout) => dropout == 0 ? "all genes" : string.Create(CultureInfo.InvariantCulture, $"{dropout * 100:0.##} % removed");
}
