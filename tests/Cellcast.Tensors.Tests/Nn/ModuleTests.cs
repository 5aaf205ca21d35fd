using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Io;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Tests.Nn;

public sealed class ModuleTests
{
    private sealed class Net : Module
    {
        public Net(RandomKey key)
        {
            First = Register(new SparseLinear("net.first", 30, 8, key));
            Second = Register(new Linear("net.second", 8, 3, key));
            Scale = Register(new Parameter("net.scale", 3));
        }

        public SparseLinear First { get; }

        public Linear Second { get; }

        public Parameter Scale { get; }
    }

    [Fact]
    public void Parameters_are_listed_by_name_and_start_as_dense_layers_do()
    {
        var net = new Net(RandomKey.From(1, "init"));
        Assert.Equal(["net.first.weight", "net.first.bias", "net.second.weight", "net.second.bias", "net.scale"], net.Parameters.Select(p => p.Name));
        var wide = new Linear("wide", 400, 500, RandomKey.From(1, "init"));
        float bound = 1 / MathF.Sqrt(400);
        Assert.All(wide.Weight.ToArray(), w => Assert.InRange(w, -bound, bound));
        Assert.InRange(wide.Weight.ToArray().Average(w => w * w), 0.99 * bound * bound / 3, 1.01 * bound * bound / 3);
        Assert.Contains(wide.Bias.ToArray(), b => b != 0);
        Assert.All(net.Scale.ToArray(), s => Assert.Equal(0, s));
    }

    [Fact]
    public void The_start_depends_on_key_and_name_only_and_not_on_the_layout_in_memory()
    {
        var key = RandomKey.From(1, "init");
        var net = new Net(key);
        Assert.Equal(net.Second.Weight.ToArray(), new Linear("net.second", 8, 3, key).Weight.ToArray());
        Assert.NotEqual(net.Second.Weight.ToArray(), new Linear("net.third", 8, 3, key).Weight.ToArray());
        Assert.NotEqual(net.Second.Weight.ToArray(), new Linear("net.second", 8, 3, RandomKey.From(2, "init")).Weight.ToArray());
        var dense = new Linear("net.first", 30, 8, key);
        for (int o = 0; o < 8; o++)
            for (int i = 0; i < 30; i++) Assert.Equal(dense.Weight.Span[o * 30 + i], net.First.Weight.Span[i * 8 + o]);
    }

    [Fact]
    public void A_sparse_layer_is_a_dense_layer_on_the_same_file()
    {
        var net = new Net(RandomKey.From(1, "init"));
        using var stream = new MemoryStream();
        new SafetensorsWriter().AddAll(net.ExportState()).Write(stream);
        using var file = SafetensorsFile.Open(stream);
        Assert.Equal([8, 30], file.ReadTensor("net.first.weight").Shape.ToArray());
        var other = new Net(RandomKey.From(2, "init"));
        other.ImportState(file.ReadAll());
        Assert.All(net.Parameters.Zip(other.Parameters), p => Assert.Equal(p.First.ToArray(), p.Second.ToArray()));

        using var device = new CpuDevice(1);
        var tape = new Tape(device);
        float[] counts = new float[5 * 28];
        for (int i = 0; i < counts.Length; i += 3) counts[i] = i % 7;
        int[] codes = [0, 1, -1, 1, 0];
        var sparse = net.First.Forward(tape, SparseRows.FromDense(counts, 5, 28), codes);
        var dense = Op.Linear(Op.ConcatColumns(tape.Input(counts, 5, 28), Op.OneHot(tape, codes, 2)), file.ReadTensor("net.first.weight"), net.First.Bias);
        Assert.All(sparse.ToArray().Zip(dense.ToArray()), p => Assert.Equal(p.Second, p.First, 1e-5f));
    }

    [Fact]
    public void Weights_that_do_not_fit_are_named_and_change_nothing()
    {
        var net = new Net(RandomKey.From(1, "init"));
        float[] before = net.Second.Weight.ToArray();
        var state = new Net(RandomKey.From(2, "init")).ExportState();
        state.Remove("net.scale");
        Assert.Contains("net.scale", Assert.Throws<InvalidDataException>(() => net.ImportState(state)).Message);
        state["net.scale"] = Tensor.Zeros(4);
        Assert.Contains("[4]", Assert.Throws<InvalidDataException>(() => net.ImportState(state)).Message);
        Assert.Equal(before, net.Second.Weight.ToArray());
    }

    [Fact]
    public void Two_parameters_of_one_name_are_refused() =>
        Assert.Throws<ArgumentException>(() => new Twins());

    private sealed class Twins : Module
    {
        public Twins()
        {
            Register(new Parameter("x", 1));
            Register(new Parameter("x", 1));
        }
    }
}
