using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Nn;

namespace Cellcast.Models.Tests.ScSurv;

public sealed class ScSurvTrainingTests : IDisposable
{
    private readonly CpuDevice _device = new(1);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Every_stage_of_a_run_can_be_left_at_any_epoch_and_resumed_to_the_same_bits()
    {
        ScSurvData data = Cohort.Make(spots: true);
        var snapshots = new EverySnapshot();
        ScSurvFit whole = Fit(data, Cohort.Published, snapshots);
        Assert.Equal(4, snapshots.All.Select(s => s.Stage).Where(s => s <= 4).Distinct().Count());
        foreach (Snapshot from in snapshots.All.Where((_, i) => i % 3 == 1))
        {
            ScSurvFit resumed = Fit(data, Cohort.Published, new NoCheckpoints(), from);
            AssertSameBits(whole, resumed);
        }
    }

    [Fact]
    public void The_number_of_threads_changes_no_bit()
    {
        ScSurvData data = Cohort.Make();
        using var two = new CpuDevice(2);
        using var three = new CpuDevice(3);
        ScSurvFit one = Fit(data, Cohort.Published, new NoCheckpoints());
        AssertSameBits(one, Fit(data, Cohort.Published, new NoCheckpoints(), device: two));
        AssertSameBits(one, Fit(data, Cohort.Published, new NoCheckpoints(), device: three));
    }

    [Fact]
    public void Another_seed_gives_another_model() =>
        Assert.NotEqual(Weights(Fit(Cohort.Make(), Cohort.Published, new NoCheckpoints())), Weights(Fit(Cohort.Make(), Cohort.Published with { Seed = 1 }, new NoCheckpoints())));

    [Fact]
    public void A_learning_rate_of_zero_stops_when_the_patience_is_used_up_and_keeps_the_first_weights()
    {
        ScSurvOptions still = Cohort.Published with { MaxEpochs = 500, WeightDecay = 0, Cells = new(0, 50), Bulk = new(0, 50), Hazard = new(0, 50) };
        ScSurvFit fit = Fit(Cohort.Make(), still, new NoCheckpoints());
        Assert.All(fit.Stages, s => Assert.Equal(still.Window + still.Patience, s.Epochs));
        Assert.Equal(Weights(fit), Weights(Fit(Cohort.Make(), still with { MaxEpochs = 1 }, new NoCheckpoints())));
    }

    [Fact]
    public void A_stage_moves_its_own_parameters_and_no_others()
    {
        var snapshots = new EverySnapshot();
        Fit(Cohort.Make(), Cohort.Published, snapshots);
        Snapshot Boundary(int stage) => snapshots.All.Last(s => s.Stage == stage && s.Stopping is null);
        string[] Moved(Snapshot before, Snapshot after) =>
            [.. before.Section("weights/").Where(w => !w.Value.Span.SequenceEqual(after.Section("weights/")[w.Key].Span)).Select(w => w.Key)];
        Assert.All(Moved(Boundary(2), Boundary(3)), n => Assert.True(n.StartsWith("dec_z2p_bulk", StringComparison.Ordinal) || n.StartsWith("log_bulk", StringComparison.Ordinal), n));
        Assert.All(Moved(Boundary(3), Boundary(4)), n => Assert.StartsWith("dec_beta_z", n, StringComparison.Ordinal));
        Assert.NotEmpty(Moved(Boundary(2), Boundary(3)));
        Assert.NotEmpty(Moved(Boundary(3), Boundary(4)));
    }

    [Fact]
    public void Held_out_patients_leave_no_trace_in_the_weights()
    {
        ScSurvData data = Cohort.Make();
        ScSurvFit fit = Fit(data, Cohort.Published, new NoCheckpoints());
        Assert.Equal(data.PatientsIn(Split.Test), fit.Held);
        // Other counts and another survival of the test patients: same weights.
        float[] counts = [.. data.Patients.Counts];
        double[] time = [.. data.Time];
        foreach (int s in fit.Held)
        {
            time[s] *= 7;
            for (int g = 0; g < Cohort.Genes; g++) counts[s * Cohort.Genes + g] = 1 + s % 3;
        }
        ScSurvData changed = data with { Time = time, Patients = data.Patients with { Counts = counts } };
        Assert.Equal(Weights(fit), Weights(Fit(changed, Cohort.Published, new NoCheckpoints())));
    }

    [Fact]
    public void The_shares_of_a_projected_patient_do_not_depend_on_who_else_is_projected()
    {
        ScSurvData data = Cohort.Make();
        ScSurvModel model = Fit(data, Cohort.Published, new NoCheckpoints()).Model;
        float[] both = model.Predict(_device, data.Patients.Select([3, 8]), null, NoProgress.Instance, default).Shares.ToArray();
        float[] alone = model.Predict(_device, data.Patients.Select([8]), null, NoProgress.Instance, default).Shares.ToArray();
        for (int c = 0; c < Cohort.Cells; c++) Assert.Equal(both[c * 2 + 1], alone[c], 5);
    }

    [Fact]
    public void Shares_of_every_patient_sum_to_one()
    {
        ScSurvData data = Cohort.Make();
        ScSurvFit fit = Fit(data, Cohort.Published, new NoCheckpoints());
        float[] shares = fit.Model.Posterior.MeanShares(fit.Model.Module.Bulk, 3, Cellcast.Tensors.Random.RandomKey.From(0, "test"));
        for (int s = 0; s < fit.Fitted.Length; s++)
            Assert.Equal(1, Enumerable.Range(0, Cohort.Cells).Sum(c => (double)shares[c * fit.Fitted.Length + s]), 5);
    }

    [Fact]
    public void A_loss_that_is_not_finite_stops_the_run_and_names_stage_epoch_and_step()
    {
        ScSurvData data = Cohort.Make();
        SparseMatrix counts = data.Cells.Counts.ToSparse();
        float[] values = [.. counts.Values];
        values[5] = float.NaN;
        var broken = new SparseMatrix(Cohort.Cells, Cohort.Genes, counts.IndPtr, counts.Indices, values);
        var e = Assert.Throws<NotFiniteException>(() => Fit(data with { Cells = data.Cells with { Counts = broken } }, Cohort.Published, new NoCheckpoints()));
        Assert.Matches("Stage cells, epoch 1, step [123]: the loss is NaN", e.Message);
    }

    [Fact]
    public void Cancelling_keeps_a_snapshot_from_which_the_run_ends_as_if_never_interrupted()
    {
        ScSurvData data = Cohort.Make();
        using var source = new CancellationTokenSource();
        var snapshots = new EverySnapshot();
        Assert.Throws<OperationCanceledException>(() => ScSurvModel.Fit(_device, data, Cohort.Published, snapshots, null, new CancelAt("bulk", 2, source), source.Token));
        AssertSameBits(Fit(data, Cohort.Published, new NoCheckpoints()), Fit(data, Cohort.Published, new NoCheckpoints(), snapshots.All[^1]));
    }

    [Fact]
    public void A_checkpoint_of_other_data_is_refused()
    {
        var snapshots = new EverySnapshot();
        Fit(Cohort.Make(1), Cohort.Published, snapshots);
        var e = Assert.Throws<Cellcast.AnnData.InputException>(() => Fit(Cohort.Make(2), Cohort.Published, new NoCheckpoints(), snapshots.All[^1]));
        Assert.Contains("--overwrite", e.Message, StringComparison.Ordinal);
    }

    private ScSurvFit Fit(ScSurvData data, ScSurvOptions options, ICheckpointStore store, Snapshot? resume = null, Device? device = null) =>
        ScSurvModel.Fit(device ?? _device, data, options, store, resume, NoProgress.Instance, default);

    private static float[] Weights(ScSurvFit fit) => [.. fit.Model.Module.ExportState().SelectMany(p => p.Value.ToArray())];

    private static void AssertSameBits(ScSurvFit expected, ScSurvFit actual)
    {
        Assert.Equal(Weights(expected), Weights(actual));
        Assert.Equal(expected.History, actual.History);
        Assert.Equal(expected.Projected?.Output.Weight.ToArray(), actual.Projected?.Output.Weight.ToArray());
    }

    private sealed class CancelAt(string stage, int epoch, CancellationTokenSource source) : ITrainingProgress
    {
        public void Report(in TrainingUpdate update)
        {
            if (update.Stage == stage && update.Epoch == epoch) source.Cancel();
        }

        public void StageDone(string stage, int epochs, string outcome) { }

        public void Message(string text) { }

        public void Warning(string text) { }
    }
}
