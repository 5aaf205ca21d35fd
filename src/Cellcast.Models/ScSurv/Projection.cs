using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;
using static Cellcast.Tensors.Autodiff.Op;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// Shares of patients that the model was not trained on, from their counts alone: with everything else frozen, a column of the bulk decoder
/// is fitted to each new patient under the likelihood of stage 2. Columns do not interact, so a patient's shares do not depend on who else
/// is projected. The number of steps is fixed and the learning rate falls to zero along a half cosine, which averages the minibatch noise out.
/// </summary>
internal static class Projection
{
    internal const string Stage = "projection";

    /// <summary>Fits the columns.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="module">The trained model.</param>
    /// <param name="posterior">Posterior of the reference cells.</param>
    /// <param name="patients">Counts on all genes of the model; where <paramref name="present"/> is given, absent genes hold anything.</param>
    /// <param name="present">Indices of the genes that the new counts have, ascending; null for all.</param>
    /// <param name="options">Learning rate, minibatch, steps.</param>
    /// <param name="key">Source of chance.</param>
    /// <param name="progress">Who is told.</param>
    /// <param name="cancellation">Checked after every step.</param>
    /// <returns>The bulk decoder with one column per new patient.</returns>
    internal static Decoder Fit(Device device, ScSurvModule module, Posterior posterior, Mixtures patients, int[]? present, ScSurvOptions options, RandomKey key,
        ITrainingProgress progress, CancellationToken cancellation)
    {
        module.Freeze();
        Linear trained = module.Bulk.Output;
        var output = new Linear(trained.Weight.Name[..^".weight".Length], trained.Weight.Columns, patients.Count, key.Split("columns"));
        StartAtMean(trained, output);
        Decoder decoder = module.Bulk.WithOutput(output);
        var optimizer = new AdamW(output.Parameters, options.Bulk.LearningRate, weightDecay: options.WeightDecay);
        var genes = GeneSubset.Of(module, present);
        Tensor counts = Tensor.From(genes.Columns(patients.Counts, patients.Count), patients.Count, genes.Count), size = Tensor.From(patients.Size, patients.Count, 1);

        double constant = Tensors.Kernels.NegativeBinomialLoss.Constant(counts.Span);
        int[] cells = [.. Enumerable.Range(0, posterior.Cells)];
        var batches = new Minibatches(cells, options.Bulk.BatchSize, key.Split("order"));
        RandomKey noise = key.Split("noise");
        var tape = new Tape(device);
        for (int step = 0; step < options.ProjectionSteps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            int[] rows = batches.Batch(step / batches.Count, step % batches.Count);
            optimizer.LearningRate = options.Bulk.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * step / options.ProjectionSteps));
            optimizer.ClearGradients();
            Tensor z = tape.Input(posterior.Draw(rows, noise.Split(step)), rows.Length, posterior.Latent);
            Tensor oneHot = Op.OneHot(tape, [.. rows.Select(r => posterior.SampleOf[r])], posterior.SampleColumns);
            Tensor loss = genes.MixtureLoss(tape, module, decoder, z, oneHot, counts, size, constant);
            double value = loss.ToScalar();
            if (!double.IsFinite(value)) throw new NotFiniteException($"Projection of new patients, step {step + 1}: the loss is {value}; look for extreme counts among the new patients.");
            tape.Backward(loss);
            decoder.ZeroInvariantGradient();
            optimizer.Step(device);
            tape.Reset();
            progress.Report(new TrainingUpdate(Stage, 0, 1) { Step = step + 1, StepsPerEpoch = options.ProjectionSteps, TrainingLoss = value / counts.Length });
        }
        progress.StageDone(Stage, 1, $"{patients.Count} patients projected");
        return decoder;
    }

    private static void StartAtMean(Linear trained, Linear output)
    {
        Span<float> from = trained.Weight.Span, to = output.Weight.Span;
        int width = trained.Weight.Columns, patients = trained.Weight.Rows;
        output.Bias.Span.Clear();
        for (int j = 0; j < width; j++)
        {
            double mean = 0;
            for (int s = 0; s < patients; s++) mean += from[s * width + j];
            for (int s = 0; s < output.Weight.Rows; s++) to[s * width + j] = (float)(mean / patients);
        }
    }

    /// <summary>The per-gene quantities of the likelihood on those genes that the new patients have.</summary>
    private sealed class GeneSubset
    {
        private readonly int[]? _present;
        private readonly Tensor _weight;
        private readonly Tensor _bias;
        private readonly GeneParameters _genes;

        private GeneSubset(int[]? present, Tensor weight, Tensor bias, GeneParameters genes) => (_present, _weight, _bias, _genes) = (present, weight, bias, genes);

        internal int Count => _bias.Length;

        internal static GeneSubset Of(ScSurvModule module, int[]? present)
        {
            Linear o = module.Expression.Output;
            if (present is null) return new GeneSubset(null, o.Weight, o.Bias, module.BulkGenes);
            GeneParameters all = module.BulkGenes;
            return new GeneSubset(present, RowsOf(o.Weight, present), RowsOf(o.Bias, present, 1), new GeneParameters(ParameterOf(all.Scale, present), ParameterOf(all.Offset, present), ParameterOf(all.Dispersion, present)));
        }

        internal float[] Columns(float[] counts, int rows)
        {
            if (_present is null) return counts;
            int width = counts.Length / rows;
            var chosen = new float[rows * _present.Length];
            for (int r = 0; r < rows; r++)
                for (int g = 0; g < _present.Length; g++) chosen[r * _present.Length + g] = counts[r * width + _present[g]];
            return chosen;
        }

        internal Tensor MixtureLoss(Tape tape, ScSurvModule module, Decoder decoder, Tensor z, Tensor oneHot, Tensor counts, Tensor size, double constant) =>
            ScSurvModule.MixtureLoss(tape, decoder, _genes, z, module.HiddenOfRates(z, oneHot), (_weight, _bias), counts, size, constant);

        private static Parameter ParameterOf(Parameter all, int[] rows)
        {
            var p = new Parameter(all.Name, rows.Length) { Frozen = true };
            RowsOf(all, rows, 1).Span.CopyTo(p.Span);
            return p;
        }

        private static Tensor RowsOf(Tensor all, int[] rows, int? width = null)
        {
            int w = width ?? all.Columns;
            Tensor chosen = width is null ? Tensor.Zeros(rows.Length, w) : Tensor.Zeros(rows.Length);
            for (int i = 0; i < rows.Length; i++) all.Span.Slice(rows[i] * w, w).CopyTo(chosen.Span[(i * w)..]);
            return chosen;
        }
    }
}
