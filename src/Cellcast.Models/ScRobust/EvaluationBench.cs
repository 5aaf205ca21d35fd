using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cellcast.Analysis.Baselines;
using Cellcast.Analysis.Metrics;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>Trains and tests all methods, fold by fold, and keeps what they called.</summary>
internal sealed class EvaluationBench(Device device, string[] classes, Func<NormalizedCells, ScRobustModel> start, EvaluationOptions options, IFoldStore store, int threads, ITrainingProgress progress,
    CancellationToken cancellation)
{
    private readonly List<FoldResult> _folds = [];
    private readonly double[] _shares = [0, .. options.Dropout];

    /// <param name="training">Training cells.</param>
    /// <param name="labels">Their classes.</param>
    /// <param name="test">Test cells with the same genes, once per share of removed genes.</param>
    /// <param name="truth">Their classes.</param>
    /// <param name="rows">Where they stand among the cells of the evaluation.</param>
    /// <param name="repeat">From 0.</param>
    /// <param name="fold">From 0.</param>
    internal void Test(NormalizedCells training, int[] labels, NormalizedCells[] test, int[] truth, int[] rows, int repeat, int fold)
    {
        FineTuningOptions settings = options.Training with { Seed = options.Seed + 1000L * repeat + fold };
        ScRobustModel model = start(training);
        string fingerprint = Fingerprint(settings, model, training, labels, test, truth);
        if (store.Load(repeat + 1, fold + 1) is { } done)
        {
            if (done.Fingerprint != fingerprint) throw new InputException("The folds in this folder belong to a run with other files or options, or of another version of cellcast; give the same ones, or start again with --overwrite.");
            progress.Message("already done");
            _folds.Add(done);
            return;
        }
        FineTuningResult trained = FineTuning.Run(device, model, CellSet.From([training], model.Vocabulary, NoProgress.Instance), labels, classes, settings, new NoCheckpoints(), null, progress, cancellation);
        CellAnnotator annotator = trained.Annotator;
        var baselines = !options.Baselines ? [] : EvaluationBaselines.Train(training.Values, labels, classes, settings, options, threads, cancellation);
        var calls = new List<FoldCalls>();
        TestedFold? tested = null;
        for (int s = 0; s < _shares.Length; s++)
        {
            CellSet cells = CellSet.From([test[s]], model.Vocabulary, NoProgress.Instance);
            Annotations said = annotator.Annotate(device, cells, 0, NoProgress.Instance, cancellation);
            calls.Add(Judge(Evaluation.Model, s, truth, repeat, fold, Array.ConvertAll(said.Probabilities, v => (double)v)));
            if (s == 0)
                tested = new TestedFold(repeat + 1, fold + 1, rows, calls[^1].Called, said.Confidence, trained.History,
                    repeat + fold > 0 ? null : annotator.Model.Embed(device, cells, new EmbeddingOptions { Genes = annotator.Genes, Order = annotator.Order, Seed = annotator.Seed }, NoProgress.Instance, cancellation));
            foreach (var (name, classifier) in baselines) calls.Add(Judge(name, s, truth, repeat, fold, classifier.Probabilities(test[s].Values, threads)));
        }
        var result = new FoldResult(fingerprint, truth, calls) { Tested = tested };
        store.Save(repeat + 1, fold + 1, result);
        _folds.Add(result);
    }

    internal EvaluationResult Result()
    {
        string[] methods = [.. _folds[0].Calls.Select(c => c.Score.Method).Distinct()];
        var confusion = new List<(string, double, ConfusionMatrix)>();
        foreach (string method in methods)
            foreach (double share in _shares)
            {
                var parts = _folds.Select(f => (f.Truth, f.Calls.First(c => c.Score.Method == method && c.Score.Dropout == share).Called)).ToArray();
                confusion.Add((method, share, ConfusionMatrix.Of([.. parts.SelectMany(p => p.Truth).Select(k => classes[k])], [.. parts.SelectMany(p => p.Called).Select(k => classes[k])])));
            }
        return new EvaluationResult([.. _folds.SelectMany(f => f.Calls).Select(c => c.Score)], confusion, [.. _folds.Select(f => f.Tested!)]);
    }

    private FoldCalls Judge(string method, int share, int[] truth, int repeat, int fold, double[] probabilities)
    {
        int[] called = [.. Enumerable.Range(0, truth.Length).Select(c => Largest(probabilities.AsSpan(c * classes.Length, classes.Length)))];
        ConfusionMatrix matrix = ConfusionMatrix.Of([.. truth.Select(k => classes[k])], [.. called.Select(k => classes[k])]);
        double auc = AreaUnderCurve.OneVersusOne(truth, probabilities, classes.Length);
        return new FoldCalls(new FoldScore(method, _shares[share], repeat + 1, fold + 1, matrix.MacroF1, matrix.WeightedF1, matrix.Accuracy, auc), called);
    }

    /// <summary>Begins with the version of what a fold keeps and of how its model is trained and labels.</summary>
    private string Fingerprint(FineTuningOptions settings, ScRobustModel model, NormalizedCells training, int[] labels, NormalizedCells[] test, int[] truth)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"3\n{settings}\n{options.Baselines} {options.ThinnedCopies} {string.Join(' ', options.LogisticC)}\n{string.Join(' ', _shares)}\n{string.Join('\n', classes)}\n{string.Join('\n', training.Genes)}\n")));
        hash.AppendData(MemoryMarshal.AsBytes<int>(labels));
        hash.AppendData(MemoryMarshal.AsBytes<int>(truth));
        foreach (Parameter p in model.Encoder.Parameters) hash.AppendData(MemoryMarshal.AsBytes(p.Span));
        foreach (NormalizedCells cells in (NormalizedCells[])[training, .. test])
        {
            hash.AppendData(MemoryMarshal.AsBytes<int>(cells.Values.Indices));
            hash.AppendData(MemoryMarshal.AsBytes<float>(cells.Values.Values));
        }
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private static int Largest(ReadOnlySpan<double> values)
    {
        int best = 0;
        for (int k = 1; k < values.Length; k++)
            if (values[k] > values[best]) best = k;
        return best;
    }
}
