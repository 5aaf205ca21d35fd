using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;

namespace Cellcast.Models.ScRobust;

/// <summary>What an annotator says of cells.</summary>
/// <param name="Labels">Class, or <see cref="CellAnnotator.Unknown"/> below the threshold.</param>
/// <param name="Best">The likeliest class, whatever its probability.</param>
/// <param name="Confidence">Its calibrated probability.</param>
/// <param name="Probabilities">Cells x classes.</param>
public sealed record Annotations(string[] Labels, string[] Best, double[] Confidence, float[] Probabilities);

/// <summary>A trained classifier of cells: encoder, head, classes in ordinal order, and what was learned from cells that were not trained on: temperature and threshold.</summary>
public sealed class CellAnnotator
{
    /// <summary>Label of cells that are like no class.</summary>
    public const string Unknown = "unknown";

    internal const string HeadName = "fc";
    private const int TokensPerBatch = 32_768;

    internal CellAnnotator(ScRobustModel model, Head head, GeneEvidence? evidence, IReadOnlyList<string> classes, int genes, GeneRanking order, long seed)
    {
        (Model, Head, Evidence, Classes, Genes, Order, Seed) = (model, head, evidence, classes, genes, order, seed);
    }

    /// <summary>The encoder, trained along with the head.</summary>
    public ScRobustModel Model { get; }

    /// <summary>Names of the classes, in ordinal order.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Most genes of a cell.</summary>
    public int Genes { get; }

    /// <summary>Which of its genes come first.</summary>
    public GeneRanking Order { get; }

    /// <summary>Logits are divided by it.</summary>
    public double Temperature { get; internal set; } = 1;

    /// <summary>Cells with a lower confidence are unknown.</summary>
    public double Threshold { get; internal set; }

    /// <summary>Whether the genes speak for themselves too (class profiles), not only through the encoder.</summary>
    public bool UsesEvidence => Evidence is not null;

    internal Head Head { get; }

    internal GeneEvidence? Evidence { get; }

    /// <summary>Cells that are labelled at a time.</summary>
    internal int BatchCells => Math.Max(1, TokensPerBatch / (Genes + 1));

    internal long Seed { get; }

    /// <summary>Labels cells.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="cells">The cells, from <see cref="ScRobustModel.Read"/> of <see cref="Model"/>.</param>
    /// <param name="threshold">Least confidence of a label; null for <see cref="Threshold"/>.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Checked between batches.</param>
    public Annotations Annotate(Device device, CellSet cells, double? threshold, ITrainingProgress progress, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(progress);
        CellSet ordered = cells.In(Model.OrderOf(Order, cells, Seed));
        double[] logits = Logits(new Tape(device, recordGradients: false), ordered, [.. Enumerable.Range(0, cells.Count)], BatchCells, progress, cancellation);
        int n = cells.Count, k = Classes.Count;
        var result = new Annotations(new string[n], new string[n], new double[n], new float[n * k]);
        var p = new double[k];
        for (int c = 0; c < n; c++)
        {
            Calibration.Probabilities(logits.AsSpan(c * k, k), Temperature, p);
            int best = p.IndexOf(p.Max());
            (result.Best[c], result.Confidence[c]) = (Classes[best], p[best]);
            // A cell without a single known gene says nothing.
            result.Labels[c] = p[best] < (threshold ?? Threshold) || cells.GenesOf(c).IsEmpty ? Unknown : Classes[best];
            for (int j = 0; j < k; j++) result.Probabilities[c * k + j] = (float)p[j];
        }
        return result;
    }

    /// <summary>Logits of some cells, without dropout: cells x classes.</summary>
    private double[] Logits(Tape tape, CellSet ordered, ReadOnlySpan<int> rows, int batchCells, ITrainingProgress progress, CancellationToken cancellation)
    {
        var evidence = Evidence is null ? null : new EvidenceBatch();
        return Logits(tape, rows, batchCells, evidence, (batch, c) =>
        {
            CellTokenizer.Append(batch, ordered, c, Genes, Model.Padding);
            Evidence?.Append(evidence!, ordered, c);
        }, progress, cancellation);
    }

    /// <summary>Logits of some cells, without dropout: cells x classes.</summary>
    /// <param name="tape">Is reset after every batch.</param>
    /// <param name="rows">Which cells.</param>
    /// <param name="batchCells">How many at a time.</param>
    /// <param name="evidence">Where <paramref name="append"/> leaves evidence; null where none is used.</param>
    /// <param name="append">Appends a cell to the batch, and its evidence.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Checked between batches.</param>
    internal double[] Logits(Tape tape, ReadOnlySpan<int> rows, int batchCells, EvidenceBatch? evidence, Action<TokenBatch, int> append, ITrainingProgress progress, CancellationToken cancellation)
    {
        var logits = new double[rows.Length * Classes.Count];
        var batch = new TokenBatch();
        for (int first = 0; first < rows.Length; first += batchCells)
        {
            cancellation.ThrowIfCancellationRequested();
            batch.Clear();
            evidence?.Clear();
            int count = Math.Min(batchCells, rows.Length - first);
            foreach (int c in rows.Slice(first, count)) append(batch, c);
            Tensor z = Head.Forward(Model.Encoder.CellTokens(tape, batch, default));
            var filled = logits.AsSpan(first * Classes.Count, count * Classes.Count);
            if (Evidence is null)
                for (int i = 0; i < filled.Length; i++) filled[i] = z.Span[i];
            else Evidence.Combine(tape, z, evidence!, filled);
            tape.Reset();
            progress.Report(new TrainingUpdate("annotate", 0, 0) { Step = first + count, StepsPerEpoch = rows.Length });
        }
        return logits;
    }

    /// <summary>Logits of a batch while training.</summary>
    internal Tensor Forward(Tape tape, TokenBatch batch, EvidenceBatch? evidence, DropoutNoise noise)
    {
        Tensor logits = Head.Forward(Model.Encoder.CellTokens(tape, batch, noise), noise.For("classifier"));
        return Evidence is null ? logits : Op.Add(logits, Evidence.Forward(tape, evidence!));
    }

    /// <summary>Writes the encoder's files, <c>classifier.safetensors</c> and <c>classifier.json</c>.</summary>
    /// <param name="folder">Where.</param>
    public void Save(string folder) => AnnotatorFiles.Save(this, folder);

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="folder">Where.</param>
    /// <exception cref="InputException">There is no classifier, or its parts do not fit together.</exception>
    public static CellAnnotator Load(string folder) => AnnotatorFiles.Load(folder);
}
