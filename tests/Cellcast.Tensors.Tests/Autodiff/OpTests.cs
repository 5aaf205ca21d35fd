using Cellcast.Tensors.Autodiff;

namespace Cellcast.Tensors.Tests.Autodiff;

public sealed class OpTests
{
    private static readonly (int Rows, int Columns)[] s_sizes = [(1, 1), (1, 7), (7, 1), (2, 3), (5, 17), (19, 33)];

    public static TheoryData<string> Names => [.. OpCases.All.Concat(OpCases.Wide).Select(c => c.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Values_and_gradients_agree_with_double_precision(string name)
    {
        using var device = new CpuDevice(2);
        var wide = OpCases.Wide.SingleOrDefault(c => c.Name == name);
        var op = wide ?? OpCases.All.Single(c => c.Name == name);
        foreach (var (rows, columns) in s_sizes)
        {
            if (wide is not null && columns == 1) continue;
            var inputs = op.Inputs(rows, columns);
            var result = GradientCheck.Run(device, inputs, tape => op.Operation(tape, inputs), x => op.Reference(x, rows, columns));
            Assert.True(result.Value < 2e-6, $"{rows} x {columns}: value differs by {result.Value:g3}");
            for (int i = 0; i < inputs.Length; i++)
                Assert.True(result.Gradients[i] < 1e-5, $"{rows} x {columns}: gradient of input {i} differs by {result.Gradients[i]:g3}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Any_number_of_threads_gives_the_same_bits(string name)
    {
        var op = OpCases.All.Concat(OpCases.Wide).Single(c => c.Name == name);
        var results = new List<float[]>();
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using var device = new CpuDevice(threads);
            var inputs = op.Inputs(65, 67);
            var tape = new Tape(device);
            var y = op.Operation(tape, inputs);
            tape.Backward(Op.Sum(Op.Square(y)));
            results.Add([.. y.ToArray(), .. inputs.SelectMany(p => p.Gradient.ToArray())]);
        }
        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Nothing_is_recorded_without_need(string name)
    {
        using var device = new CpuDevice(1);
        var op = OpCases.All.Concat(OpCases.Wide).Single(c => c.Name == name);
        var inputs = op.Inputs(3, 4);
        foreach (var p in inputs) p.Frozen = true;
        var tape = new Tape(device);
        Assert.False(op.Operation(tape, inputs).RequiresGradient);
        Assert.Equal(0, tape.RecordedCount);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_second_backward_pass_adds_to_the_gradients_of_parameters(string name)
    {
        using var device = new CpuDevice(1);
        var op = OpCases.All.Concat(OpCases.Wide).Single(c => c.Name == name);
        var inputs = op.Inputs(4, 6);
        var tape = new Tape(device);
        float[] Run()
        {
            tape.Backward(Op.Sum(op.Operation(tape, inputs)));
            tape.Reset();
            return [.. inputs.SelectMany(p => p.Gradient.ToArray())];
        }
        float[] once = Run(), twice = Run();
        for (int i = 0; i < once.Length; i++) Assert.True(Math.Abs(twice[i] - 2 * once[i]) <= 1e-5 * (1 + Math.Abs(once[i])), $"{once[i]} then {twice[i]}");
    }
}
