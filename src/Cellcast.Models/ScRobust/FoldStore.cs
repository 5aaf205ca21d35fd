using System.Text.Json;
using System.Text.Json.Serialization;
using Cellcast.AnnData;

namespace Cellcast.Models.ScRobust;

/// <summary>What one method called the test cells of one fold.</summary>
/// <param name="Score">How well.</param>
/// <param name="Called">Class of each test cell, from 0.</param>
public sealed record FoldCalls(FoldScore Score, int[] Called);

/// <summary>A finished fold.</summary>
/// <param name="Fingerprint">Identifies cells, start and settings.</param>
/// <param name="Truth">Class of each test cell, from 0.</param>
/// <param name="Calls">One per method and share of removed genes.</param>
public sealed record FoldResult(string Fingerprint, int[] Truth, IReadOnlyList<FoldCalls> Calls)
{
    /// <summary>What is shown of this fold besides its scores.</summary>
    public TestedFold? Tested { get; init; }
}

/// <summary>What the model said of the test cells of a fold with all their genes, and how it had been trained.</summary>
/// <param name="Repeat">From 1.</param>
/// <param name="Fold">From 1.</param>
/// <param name="Cells">Row of each test cell among the cells of the evaluation.</param>
/// <param name="Called">Class of each test cell, from 0.</param>
/// <param name="Confidence">Calibrated probability of that class.</param>
/// <param name="History">Loss and validation macro-F1 of every epoch.</param>
/// <param name="Vectors">Vectors of the test cells under the trained encoder of this fold, cells x hidden; of the first fold only, as those of different folds have no common space.</param>
public sealed record TestedFold(int Repeat, int Fold, int[] Cells, int[] Called, double[] Confidence, IReadOnlyList<FineTuningEpoch> History, float[]? Vectors);

/// <summary>Where finished folds are kept, so that an interrupted evaluation can go on.</summary>
public interface IFoldStore
{
    /// <summary>A finished fold, or null.</summary>
    /// <param name="repeat">From 1.</param>
    /// <param name="fold">From 1.</param>
    FoldResult? Load(int repeat, int fold);

    /// <summary>Keeps a finished fold, atomically.</summary>
    /// <param name="repeat">From 1.</param>
    /// <param name="fold">From 1.</param>
    /// <param name="result">What was found.</param>
    void Save(int repeat, int fold, FoldResult result);
}

/// <summary>Keeps no fold.</summary>
public sealed class NoFolds : IFoldStore
{
    /// <inheritdoc/>
    public FoldResult? Load(int repeat, int fold) => null;

    /// <inheritdoc/>
    public void Save(int repeat, int fold, FoldResult result) { }
}

/// <summary>Finished folds as JSON files in a folder.</summary>
/// <param name="folder">Where.</param>
/// <param name="resume">Whether folds that are there are taken.</param>
public sealed class FoldFiles(string folder, bool resume) : IFoldStore
{
    private static readonly JsonSerializerOptions s_json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <inheritdoc/>
    /// <exception cref="InputException">The file is damaged.</exception>
    public FoldResult? Load(int repeat, int fold)
    {
        string path = PathOf(repeat, fold);
        if (!resume || !File.Exists(path)) return null;
        try { return JsonSerializer.Deserialize<FoldResult>(File.ReadAllText(path), s_json) ?? throw new JsonException("it is empty"); }
        catch (JsonException e) { throw new InputException($"'{path}': the finished fold cannot be read ({e.Message.TrimEnd('.')}); start again with --overwrite.", e); }
    }

    /// <inheritdoc/>
    public void Save(int repeat, int fold, FoldResult result) => AtomicFile.WriteText(PathOf(repeat, fold), JsonSerializer.Serialize(result, s_json));

    private string PathOf(int repeat, int fold) => Path.Combine(folder, FormattableString.Invariant($"fold-{repeat}-{fold}.json"));
}
