using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScSurv;

/// <summary>What a user of a trained model may rely on.</summary>
public sealed class ScSurvPredictionTests : IClassFixture<ScSurvPredictionTests.Trained>, IDisposable
{
    private readonly CpuDevice _device = new(1);
    private readonly Trained _trained;

    public ScSurvPredictionTests(Trained trained) => _trained = trained;

    public void Dispose() => _device.Dispose();

    [Fact]
    public void A_saved_model_predicts_what_it_predicted_before()
    {
        using var folder = new TemporaryDirectory();
        _trained.Model.Save(folder.Path);
        ScSurvModel loaded = ScSurvModel.Load(folder.Path, _device);
        Assert.Equal(_trained.Model.Genes, loaded.Genes);
        Assert.Equal(_trained.Model.Risk!.Center, loaded.Risk!.Center);
        Assert.Equal(_trained.Model.Risk.Hazard.SurvivalCurve(0.3), loaded.Risk.Hazard.SurvivalCurve(0.3));
        var (patients, present) = ScSurvPreparation.NewPatients(loaded, New(g => g), null, NoProgress.Instance);
        Assert.Null(present);
        Assert.Equal(_trained.Predict(_device, patients), loaded.Predict(_device, patients, present, NoProgress.Instance, default).LinearPredictor.Mean);
    }

    [Fact]
    public void Genes_are_matched_by_name_whatever_their_order_and_whatever_else_is_there()
    {
        AnnotatedData straight = New(g => g), shuffled = New(g => (g * 7 + 3) % Cohort.Genes, extra: 5);
        var (expected, _) = ScSurvPreparation.NewPatients(_trained.Model, straight, null, NoProgress.Instance);
        var (actual, present) = ScSurvPreparation.NewPatients(_trained.Model, shuffled, null, NoProgress.Instance);
        Assert.Null(present);
        Assert.Equal(expected.Counts, actual.Counts);
        Assert.Equal(expected.Size, actual.Size);
    }

    [Fact]
    public void Missing_genes_are_named_and_the_others_suffice()
    {
        var said = new Said();
        var (patients, present) = ScSurvPreparation.NewPatients(_trained.Model, New(g => g, drop: 6), null, said);
        Assert.Equal(Cohort.Genes - 6, present!.Length);
        Assert.Contains(said.Warnings, w => w.Contains("lacks 6 of the model's 40 genes", StringComparison.Ordinal));
        var (all, _) = ScSurvPreparation.NewPatients(_trained.Model, New(g => g), null, NoProgress.Instance);
        // A patient like the training cohort keeps about the same size factor without some genes.
        for (int s = 0; s < patients.Count; s++) Assert.InRange(patients.Size[s] / all.Size[s], 0.8, 1.25);
        double[] eta = _trained.Model.Predict(_device, patients, present, NoProgress.Instance, default).LinearPredictor.Mean;
        Assert.All(eta, e => Assert.True(double.IsFinite(e)));
    }

    [Fact]
    public void Patients_with_other_genes_altogether_are_refused_with_the_reason()
    {
        AnnotatedData ensembl = New(g => g, name: g => $"ENSG{g:D11}");
        var e = Assert.Throws<InputException>(() => ScSurvPreparation.NewPatients(_trained.Model, ensembl, null, NoProgress.Instance));
        Assert.Contains("Ensembl identifiers", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.json")]
    [InlineData("weights.safetensors")]
    [InlineData("reference.safetensors")]
    [InlineData("contributions.safetensors")]
    public void A_model_with_a_missing_or_damaged_file_is_refused_in_one_sentence(string file)
    {
        using var folder = new TemporaryDirectory();
        _trained.Model.Save(folder.Path);
        byte[] bytes = File.ReadAllBytes(folder[file]);
        File.WriteAllBytes(folder[file], bytes[..(bytes.Length / 2)]);
        var damaged = Assert.Throws<InputException>(() => ScSurvModel.Load(folder.Path, _device));
        Assert.Contains(folder.Path, damaged.Message, StringComparison.Ordinal);
        File.Delete(folder[file]);
        Assert.Throws<InputException>(() => ScSurvModel.Load(folder.Path, _device));
    }

    private static AnnotatedData New(Func<int, int> order, int drop = 0, int extra = 0, Func<int, string>? name = null)
    {
        ScSurvData data = Cohort.Make(seed: 5);
        const int patients = 4;
        int genes = Cohort.Genes - drop;
        var counts = new float[patients * (genes + extra)];
        for (int s = 0; s < patients; s++)
        {
            for (int g = 0; g < genes; g++) counts[s * (genes + extra) + g] = data.Patients.Counts[s * Cohort.Genes + order(g)];
            for (int g = 0; g < extra; g++) counts[s * (genes + extra) + genes + g] = 1000;
        }
        string[] names = [.. Enumerable.Range(0, genes).Select(g => (name ?? (i => $"gene{i}"))(order(g))), .. Enumerable.Range(0, extra).Select(g => $"other{g}")];
        return new AnnotatedData(new DataFrame([.. Enumerable.Range(0, patients).Select(s => $"new{s}")]), new DataFrame(names), new DenseMatrix(patients, genes + extra, counts));
    }

    /// <summary>One small trained model for all tests.</summary>
    public sealed class Trained : IDisposable
    {
        private readonly CpuDevice _device = new(1);

        public Trained()
        {
            ScSurvData data = Cohort.Make();
            ScSurvFit fit = ScSurvModel.Fit(_device, data, Cohort.Quick, new NoCheckpoints(), null, NoProgress.Instance, default);
            ScSurvResults.Collect(_device, fit, data, NoProgress.Instance);
            Model = fit.Model;
        }

        internal ScSurvModel Model { get; }

        internal double[] Predict(Device device, Mixtures patients) => Model.Predict(device, patients, null, NoProgress.Instance, default).LinearPredictor.Mean;

        public void Dispose() => _device.Dispose();
    }

    private sealed class Said : ITrainingProgress
    {
        internal List<string> Warnings { get; } = [];

        public void Report(in TrainingUpdate update) { }

        public void StageDone(string stage, int epochs, string outcome) { }

        public void Message(string text) { }

        public void Warning(string text) => Warnings.Add(text);
    }
}
