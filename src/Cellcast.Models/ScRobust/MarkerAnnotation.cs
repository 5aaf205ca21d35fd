using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;

namespace Cellcast.Models.ScRobust;

/// <summary>How much of a marker list could be used.</summary>
/// <param name="Name">The list.</param>
/// <param name="Genes">Genes in the list.</param>
/// <param name="Known">Of these, genes that the encoder knows.</param>
/// <param name="Expressed">Of these, genes that any of the cells expresses.</param>
public sealed record MarkerCoverage(string Name, int Genes, int Known, int Expressed);

/// <summary>What marker lists say of cells.</summary>
/// <param name="Labels">Best list of each cell, or <see cref="MarkerAnnotation.NoMatch"/>.</param>
/// <param name="Scores">Cells x lists; NaN where the cell expresses no gene of the list or the encoder knows none.</param>
/// <param name="Coverage">One per list.</param>
public sealed record MarkerResult(string[] Labels, float[] Scores, IReadOnlyList<MarkerCoverage> Coverage);

/// <summary>Annotation by marker lists without training on labels (Park and Lee 2024): v is the vector of a pseudo-cell of all genes of the list with value 1, u that of a cell restricted to these genes;
/// the score is u.v / v.v and the highest wins. A list that a cell expresses nothing of, or that scores no higher than a cell without any gene would, is no match.</summary>
public static class MarkerAnnotation
{
    /// <summary>Label of cells that no list matches.</summary>
    public const string NoMatch = "no match";

    private const int TokensPerBatch = 32_768;

    /// <summary>Scores cells.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="model">The encoder.</param>
    /// <param name="cells">The cells, on its vocabulary.</param>
    /// <param name="lists">The lists.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <exception cref="InputException">The encoder knows no gene of any list.</exception>
    public static MarkerResult Score(Device device, ScRobustModel model, CellSet cells, IReadOnlyList<GeneSet> lists, ITrainingProgress progress, CancellationToken cancellation = default) =>
        Score(device, model, cells, lists, progress, new bool[(model ?? throw new ArgumentNullException(nameof(model))).Vocabulary.Count], cancellation);

    /// <summary>As above, for some of the cells; <paramref name="expressed"/> remembers which token ids any cell so far expresses.</summary>
    internal static MarkerResult Score(Device device, ScRobustModel model, CellSet cells, IReadOnlyList<GeneSet> lists, ITrainingProgress progress, bool[] expressed, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(lists);
        ArgumentNullException.ThrowIfNull(progress);
        int n = cells.Count;
        for (int c = 0; c < n; c++)
            foreach (int g in cells.GenesOf(c)) expressed[g] = true;
        var scores = new float[n * lists.Count];
        Array.Fill(scores, float.NaN);
        var labels = new string[n];
        var best = new double[n];
        Array.Fill(labels, NoMatch);
        Array.Fill(best, double.NegativeInfinity);
        var coverage = new MarkerCoverage[lists.Count];
        var tape = new Tape(device, recordGradients: false);
        for (int l = 0; l < lists.Count; l++)
        {
            int[] ids = [.. lists[l].Genes.Select(g => model.Vocabulary.IdOf(model.Preprocessing.UpperCase ? g.ToUpperInvariant() : g)).Where(i => i >= 0).Distinct().Order()];
            coverage[l] = new MarkerCoverage(lists[l].Name, lists[l].Genes.Count, ids.Length, ids.Count(i => expressed[i]));
            progress.Report(new TrainingUpdate("markers", 0, 0) { Step = (int)((l + 1L) * n / lists.Count), StepsPerEpoch = n });
            if (ids.Length == 0) continue;
            var scorer = new ListScorer(tape, model, ids);
            void Found(int c, double score)
            {
                scores[c * lists.Count + l] = (float)score;
                if (score > scorer.OfNothing && score > best[c]) (best[c], labels[c]) = (score, lists[l].Name);
            }
            scorer.Score(cells, Found, cancellation);
        }
        if (coverage.All(c => c.Known == 0))
            throw new InputException($"the encoder knows no gene of any marker list, neither '{lists[0].Genes[0]}' nor the others; the lists must have the kind of gene names that it was trained with, such as '{model.Vocabulary.Genes[0]}'.");
        return new MarkerResult(labels, scores, coverage);
    }

    /// <summary>One list: its pseudo-cell, and cells against it.</summary>
    private sealed class ListScorer
    {
        private readonly Tape _tape;
        private readonly ScRobustModel _model;
        private readonly int[] _ids;
        private readonly float[] _values;
        private readonly double[] _list;
        private readonly double _norm;
        private readonly TokenBatch _batch = new();

        internal ListScorer(Tape tape, ScRobustModel model, int[] ids)
        {
            (_tape, _model, _ids, _values) = (tape, model, ids, new float[ids.Length]);
            float[] ones = [.. Enumerable.Repeat(1f, ids.Length)];
            Append(ids, ones);
            Append([], []);
            float[] vectors = Vectors();
            int hidden = model.Encoder.Size.Hidden;
            _list = [.. vectors[..hidden].Select(v => (double)v)];
            foreach (double v in _list) _norm += v * v;
            OfNothing = Dot(vectors.AsSpan(hidden)) / _norm;
        }

        /// <summary>Score of a cell without any gene.</summary>
        internal double OfNothing { get; }

        internal void Score(CellSet cells, Action<int, double> found, CancellationToken cancellation)
        {
            var genes = new int[_ids.Length];
            var waiting = new List<int>();
            for (int c = 0; c < cells.Count; c++)
            {
                int shared = Intersect(cells, c, genes);
                if (shared == 0) continue;
                Append(genes.AsSpan(0, shared), _values.AsSpan(0, shared));
                waiting.Add(c);
                if (_batch.Tokens >= TokensPerBatch || waiting.Count == 1024) Empty();
            }
            Empty();

            void Empty()
            {
                if (waiting.Count == 0) return;
                cancellation.ThrowIfCancellationRequested();
                float[] vectors = Vectors();
                for (int i = 0; i < waiting.Count; i++) found(waiting[i], Dot(vectors.AsSpan(i * _list.Length, _list.Length)) / _norm);
                waiting.Clear();
            }
        }

        /// <summary>Both are in the order of the token ids.</summary>
        private int Intersect(CellSet cells, int cell, int[] genes)
        {
            var own = cells.GenesOf(cell);
            var values = cells.ValuesOf(cell);
            int count = 0;
            for (int i = 0, j = 0; i < own.Length && j < _ids.Length;)
            {
                if (own[i] < _ids[j]) i++;
                else if (own[i] > _ids[j]) j++;
                else
                {
                    (genes[count], _values[count++]) = (own[i], values[i]);
                    i++;
                    j++;
                }
            }
            return count;
        }

        private void Append(ReadOnlySpan<int> genes, ReadOnlySpan<float> values)
        {
            int padded = _model.Padding == Padding.Published ? _ids.Length : genes.Length;
            _batch.Append(1 + padded, out var tokens, out var numbers);
            (tokens[0], numbers[0]) = (GeneVocabulary.CellToken, GeneVocabulary.CellTokenValue);
            genes.CopyTo(tokens[1..]);
            values.CopyTo(numbers[1..]);
            tokens[(1 + genes.Length)..].Fill(GeneVocabulary.Mask);
            numbers[(1 + genes.Length)..].Clear();
        }

        private float[] Vectors()
        {
            float[] vectors = _model.Encoder.CellTokens(_tape, _batch).ToArray();
            _tape.Reset();
            _batch.Clear();
            return vectors;
        }

        private double Dot(ReadOnlySpan<float> u)
        {
            double sum = 0;
            for (int i = 0; i < _list.Length; i++) sum += u[i] * _list[i];
            return sum;
        }
    }
}
